import { expect, test } from "vitest";
import { searchOf, settingsOf } from "./address";

test("what the address says comes back from it", () => {
  for (const search of [
    "",
    "mode=text&question=3 %2B 4%3F&right=",
    "seed=7&temperature=0&max=32",
  ]) {
    const settings = settingsOf(search, "step-20");
    expect(settingsOf(searchOf(settings), "step-9")).toEqual(settings);
  }
});

test("what is no number in range is passed over", () => {
  const settings = settingsOf("temperature=hot&seed=-1&max=1.5&problem=1000", "step-20");
  expect(settings).toMatchObject({ temperature: 1, seed: 0, maxTokens: null, problem: 0 });
  expect([settings.left, settings.right]).toEqual(["base", "step-20"]);
});
