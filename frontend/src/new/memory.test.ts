import { expect, test } from "vitest";
import { memoryEstimate } from "@/testing/memory";
import { partRows, peakPhase } from "./memory";

test("parts stand in one order, with their share of the peak", () => {
  const rows = partRows(memoryEstimate());
  expect(rows.map(({ part, bytes, share }) => [part, bytes, share])).toEqual([
    ["weights", 100, 0.1],
    ["optimiser", 300, 0.3],
    ["activations", 600, 0.6],
    ["latent_cache", 80, 0],
  ]);
});

test("what does not live at the peak says when it does", () => {
  const rows = partRows(memoryEstimate());
  expect(rows.map((row) => row.phase)).toEqual(["", "", "", "sampling"]);
  expect(peakPhase(memoryEstimate())).toBe("training");
});

test("a part keeps its colour whatever the run is made of", () => {
  const series = (rows: ReturnType<typeof partRows>) =>
    rows.find((row) => row.part === "activations")?.series;
  const fewer = memoryEstimate({ parts: { activations: 600 } });
  expect(series(partRows(fewer))).toBe(series(partRows(memoryEstimate())));
});
