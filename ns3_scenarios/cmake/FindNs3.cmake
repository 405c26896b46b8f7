# SPDX-License-Identifier: GPL-2.0-only
# Finds an installed ns-3, 3.37 or newer, and defines one imported target ns3::MODULE for each
# requested component. The wheel's own ns3Targets.cmake names paths of the machine that built it,
# so the targets are made here from the library files.
#
# Where ns-3 is searched, in this order:
#   1. the prefix given as -DNS3_PREFIX=... or in the environment variable NS3_PREFIX
#   2. the PyPI package "ns3" of the Python interpreter that runs the build (Python_EXECUTABLE)
#
# Result: NS3_FOUND, NS3_VERSION, NS3_INCLUDE_DIR, NS3_LIBRARY_DIR, NS3_FROM_WHEEL

if(NOT NS3_PREFIX AND DEFINED ENV{NS3_PREFIX})
  set(NS3_PREFIX "$ENV{NS3_PREFIX}")
endif()

set(NS3_FROM_WHEEL FALSE)
if(NS3_PREFIX)
  set(_ns3_root "${NS3_PREFIX}")
else()
  find_package(Python 3.11 REQUIRED COMPONENTS Interpreter)
  execute_process(
    COMMAND "${Python_EXECUTABLE}" -c
            "import importlib.util as u; s = u.find_spec('ns3'); print(list(s.submodule_search_locations)[0] if s else '')"
    OUTPUT_VARIABLE _ns3_root
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  set(NS3_FROM_WHEEL TRUE)
endif()

find_path(NS3_INCLUDE_DIR ns3/core-module.h
  PATHS "${_ns3_root}/include" "${_ns3_root}/include/ns3-dev" "${_ns3_root}/include/ns3.37"
  NO_DEFAULT_PATH NO_CACHE)
file(GLOB _ns3_core
  "${_ns3_root}/lib64/libns3*core*.so" "${_ns3_root}/lib/libns3*core*.so"
  "${_ns3_root}/lib/*/libns3*core*.so")
list(FILTER _ns3_core EXCLUDE REGEX "-test")

if(_ns3_core)
  list(GET _ns3_core 0 _ns3_core)
  get_filename_component(NS3_LIBRARY_DIR "${_ns3_core}" DIRECTORY)
  get_filename_component(_ns3_core_name "${_ns3_core}" NAME)
  string(REGEX MATCH "^libns3\\.?([0-9]+(\\.[0-9]+)*)?-core(.*)\\.so$" _ns3_match "${_ns3_core_name}")
  set(_ns3_suffix "${CMAKE_MATCH_3}")
  set(NS3_VERSION "${CMAKE_MATCH_1}")
  if(NOT NS3_VERSION)
    # Debian leaves the version out of the name but not out of the soname (libns3-core.so.37).
    file(REAL_PATH "${_ns3_core}" _ns3_core_real)
    string(REGEX MATCH "\\.so\\.([0-9]+)" _ns3_match "${_ns3_core_real}")
    set(NS3_VERSION "3.${CMAKE_MATCH_1}")
  endif()
  string(REGEX REPLACE "-core.*$" "-" _ns3_library_prefix "${_ns3_core_name}")
  # Logs cost time; an ns-3 that was built without them is there to save it.
  set(_ns3_definitions NS3_LOG_ENABLE)
  if(_ns3_suffix MATCHES "optimized|release")
    set(_ns3_definitions "")
  endif()
  foreach(_module IN LISTS Ns3_FIND_COMPONENTS)
    set(_library "${NS3_LIBRARY_DIR}/${_ns3_library_prefix}${_module}${_ns3_suffix}.so")
    if(EXISTS "${_library}")
      set(Ns3_${_module}_FOUND TRUE)
      if(NOT TARGET ns3::${_module})
        add_library(ns3::${_module} SHARED IMPORTED)
        set_target_properties(ns3::${_module} PROPERTIES
          IMPORTED_LOCATION "${_library}"
          INTERFACE_INCLUDE_DIRECTORIES "${NS3_INCLUDE_DIR}"
          INTERFACE_COMPILE_DEFINITIONS "${_ns3_definitions}"
          # The wheel's libraries name libraries that only their build machine had.
          INTERFACE_LINK_OPTIONS "LINKER:--allow-shlib-undefined")
      endif()
    endif()
  endforeach()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Ns3
  REQUIRED_VARS NS3_INCLUDE_DIR NS3_LIBRARY_DIR
  VERSION_VAR NS3_VERSION
  HANDLE_COMPONENTS
  REASON_FAILURE_MESSAGE
    "No ns-3 in '${_ns3_root}'. Install the wheel with: pip install \"ns3==3.44.*\", or name the prefix of another installed ns-3 (3.37 or newer) in the environment variable NS3_PREFIX.")
