import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const CSS = readFileSync("src/styles/tokens.css", "utf8");
const THEMES = ["light", "dark"] as const;
const TEXT = ["text", "text-2", "text-3", "accent"];
const STATES = ["running", "finished", "failed", "stopped", "lost", "queued"];
const LINES = [...Array(8).keys()].map((index) => `series-${index + 1}`);

/** Both colours of every token: name → [light, dark]. */
const tokens = new Map(
  [...CSS.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g)].map((match) => [
    match[1] as string,
    [match[2] as string, match[3] as string] as const,
  ]),
);

function colour(token: string, theme: (typeof THEMES)[number]): string {
  const pair = tokens.get(token);
  if (!pair) throw new Error(`no token --${token}`);
  return pair[theme === "light" ? 0 : 1];
}

/** Relative luminance of an sRGB colour, by WCAG 2.2. */
function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [high = 0, low = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

test("contrast is WCAG's: black on white is 21, grey #767676 on white 4.54", () => {
  expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 5);
  expect(contrast("#767676", "#ffffff")).toBeCloseTo(4.54, 2);
});

describe.each(THEMES)("in %s", (theme) => {
  const surfaces = ["bg", "surface", "inset", "hover", "selected"];

  test.each([...TEXT, ...STATES])("%s reads on every surface at 4.5 to 1 or better", (token) => {
    for (const surface of surfaces) {
      const found = contrast(colour(token, theme), colour(surface, theme));
      expect(found, `--${token} on --${surface}`).toBeGreaterThanOrEqual(4.5);
    }
  });

  test("the words on a primary button read at 4.5 to 1 or better", () => {
    for (const button of ["accent", "accent-hover"]) {
      const found = contrast(colour("on-accent", theme), colour(button, theme));
      expect(found, `--on-accent on --${button}`).toBeGreaterThanOrEqual(4.5);
    }
  });

  test.each([...LINES, "border"])("%s stands out from page and panel at 3 to 1", (token) => {
    for (const surface of ["bg", "surface"]) {
      const found = contrast(colour(token, theme), colour(surface, theme));
      expect(found, `--${token} on --${surface}`).toBeGreaterThanOrEqual(3);
    }
  });
});
