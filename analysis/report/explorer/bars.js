// SPDX-License-Identifier: MIT
/* Elements, numbers as they are shown, and tables of bars. */
"use strict";

/** Make an element; children may be texts. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** A number as people read it, by the rule of ns3kan/io/numbers.py. */
function shown(value) {
  const size = Math.abs(value);
  let text = String(Number(size.toPrecision(6)));
  if (!Number.isFinite(size)) text = Number.isNaN(size) ? "nan" : "inf";
  else if (size >= 1e5 && size < 1e9) text = size.toFixed(0);
  else if (size >= 1e9 || (size > 0 && Number(text) < 1e-4)) {
    const [mantissa, exponent] = size.toExponential(5).split("e");
    text = `${Number(mantissa)}e${Number(exponent)}`;
  }
  return (value < 0 ? "-" : "").concat(text).replaceAll("-", "−");
}

const withUnit = (value, unit) => shown(value) + (unit === "1" ? "" : ` ${unit}`);

/** A formula that may go on in the next line after an operator or within a name, and not elsewhere. */
function breakable(text) {
  return text.split(/(?<=[*(_])/).flatMap((piece, i) => (i ? [make("wbr"), piece] : [piece]));
}

/** A row of bars: names, values, and how far each reaches from zero. */
class Bars {
  constructor(host, caption) {
    this.body = make("tbody");
    this.caption = make("caption", {}, caption);
    host.append(make("table", { class: "bars" }, this.caption, this.body));
  }

  /** rows: {name, value, size, text, colour, chosen}; size is drawn, value is in the cell. */
  show(rows, caption) {
    if (caption) this.caption.textContent = caption;
    const reach = Math.max(...rows.map((row) => Math.abs(row.size)).filter(Number.isFinite), 1e-300);
    const signed = rows.some((row) => row.size < 0);
    while (this.body.rows.length > rows.length) this.body.lastChild.remove();
    rows.forEach((row, i) => {
      const line = this.body.rows[i] ?? this._line();
      const [name, track, value] = line.cells;
      if (name.textContent !== row.name) name.replaceChildren(...breakable(row.name));
      const bar = track.firstChild.firstChild;
      const share = Number.isFinite(row.size) ? (Math.abs(row.size) / reach) * (signed ? 50 : 100) : 0;
      bar.style.width = `${share}%`;
      bar.style.left = `${signed ? (row.size < 0 ? 50 - share : 50) : 0}%`;
      bar.style.background = row.colour ?? `var(--${row.size < 0 ? "network" : "equation"})`;
      track.firstChild.classList.toggle("signed", signed);
      line.classList.toggle("chosen", Boolean(row.chosen));
      value.firstChild.value = String(row.value);
      value.firstChild.textContent = row.text ?? shown(row.value);
    });
  }

  _line() {
    const track = make("div", { class: "track", "aria-hidden": "true" }, make("span"));
    const line = make("tr", {}, make("th", { scope: "row" }), make("td", {}, track),
      make("td", { class: "number" }, make("data")));
    this.body.append(line);
    return line;
  }
}
