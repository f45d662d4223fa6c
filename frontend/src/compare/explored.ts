/** The axes of Explore, when nobody has chosen others. */

import type { Address } from "./address";
import type { Fields } from "./fields";

/** Results that an expert looks at first. */
export const RESULTS = ["eval/pass_at_1", "reward/mean"];

/** What the address asks for, and the results that stand in for what it leaves open. */
export function exploredKeys(address: Address): string[] {
  return [...address.dimensions, address.across, address.up, ...RESULTS].filter(Boolean);
}

const MOST_DIMENSIONS = 6;

/** Config fields that differ and are numbers or a few words, then the results that there are. */
export function dimensionsOf(fields: Fields, { dimensions }: Address): string[] {
  if (dimensions.length > 0) return dimensions.filter((key) => fields.has(key));
  const results = resultsOf(fields);
  const configs = fields.differingPaths.filter((path) => path !== "seed");
  return [...configs.slice(0, MOST_DIMENSIONS - results.length), ...results];
}

export function resultsOf(fields: Fields): string[] {
  const known = new Set(fields.comparison.series.map(({ name }) => name));
  return RESULTS.filter((name) => known.has(name));
}
