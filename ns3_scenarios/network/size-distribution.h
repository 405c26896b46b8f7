// SPDX-License-Identifier: GPL-2.0-only
#ifndef NS3KAN_SIZE_DISTRIBUTION_H
#define NS3KAN_SIZE_DISTRIBUTION_H

#include <cstdint>
#include <string>
#include <vector>

namespace ns3::kan
{

/**
 * Distribution of flow sizes by a table of sizes and cumulative probabilities, which is linear
 * between its rows. A row with the size of the row before it is a step: that size itself is likely.
 */
class SizeDistribution
{
  public:
    /// One row of the table.
    struct Row
    {
        double size;       //!< [byte]
        double cumulative; //!< share of the flows that are not larger
    };

    /**
     * Distributions that come with the project:
     *
     *  - `web-search`: a cluster that answers web searches (M. Alizadeh et al., "Data center TCP
     *    (DCTCP)", SIGCOMM 2010, Fig. 4);
     *  - `data-mining`: a cluster for data mining (A. Greenberg et al., "VL2: a scalable and
     *    flexible data center network", SIGCOMM 2009, Fig. 2);
     *
     * both in the rows, in packets of 1,460 bytes, with which M. Alizadeh et al., "pFabric:
     * minimal near-optimal datacenter transport", SIGCOMM 2013, and many after them simulate.
     *
     * @return their names
     */
    static std::vector<std::string> GetNames();
    /**
     * @param name one of GetNames, or the path of a CSV file: lines that begin with # are left
     *        out, the first other line says `size,cumulative`, and the rows follow, in bytes
     * @return the distribution
     * @throws std::invalid_argument if there is none of this name, or the file cannot be read or
     *         is no such table; the message names the file and the row
     */
    static SizeDistribution Load(const std::string& name);
    /**
     * @param size of every flow [byte]
     * @return a distribution of one size
     */
    static SizeDistribution Constant(double size);

    /**
     * @param factor on all sizes
     * @return a distribution with the shape of this one
     */
    SizeDistribution Scaled(double factor) const;
    /// @return the mean size [byte]
    double GetMean() const;
    /**
     * @param share from 0 to below 1
     * @return the size that this share of the flows does not exceed, whole and at least 1 [byte]
     */
    uint64_t GetQuantile(double share) const;

  private:
    /**
     * @param rows the table
     * @param source where it comes from, for messages
     */
    SizeDistribution(std::vector<Row> rows, const std::string& source);

    std::vector<Row> m_rows;
};

} // namespace ns3::kan

#endif // NS3KAN_SIZE_DISTRIBUTION_H
