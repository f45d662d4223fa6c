/** Which prices of the book hold today. */

import type { Price } from "./queries";

/** Keys of those that hold on a UTC day: of each device the one valid from last, then added last. */
export function inForce(prices: readonly Price[], day: string): Set<number> {
  const holding = new Map<string, Price>();
  for (const price of prices) {
    if (price.valid_from > day) continue;
    const before = holding.get(price.device_model);
    if (!before || isLater(price, before)) holding.set(price.device_model, price);
  }
  return new Set([...holding.values()].map(({ id }) => id));
}

function isLater(one: Price, other: Price): boolean {
  if (one.valid_from !== other.valid_from) return one.valid_from > other.valid_from;
  return one.id > other.id;
}

/** By device model, the one valid from last first. */
export function byDevice(prices: readonly Price[]): Price[] {
  return prices.toSorted((a, b) =>
    a.device_model === b.device_model
      ? isLater(a, b)
        ? -1
        : 1
      : a.device_model.localeCompare(b.device_model),
  );
}
