import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { inTurn } from "./turns";

let frames: FrameRequestCallback[] = [];

/** Lets the browser come to its next frame. */
function frame() {
  const due = frames;
  frames = [];
  for (const call of due) call(0);
}

beforeEach(() => {
  frames = [];
  vi.stubGlobal("requestAnimationFrame", (call: FrameRequestCallback) => frames.push(call));
});

afterEach(() => {
  while (frames.length > 0) frame();
  vi.unstubAllGlobals();
});

describe("turns", () => {
  it("come one a frame, in order", () => {
    const done: number[] = [];
    for (const n of [1, 2, 3]) inTurn(() => done.push(n));
    expect(done).toEqual([]);
    frame();
    expect(done).toEqual([1]);
    frame();
    frame();
    expect(done).toEqual([1, 2, 3]);
    expect(frames).toEqual([]);
  });

  it("can be taken back, and begin again when all are over", () => {
    const done: number[] = [];
    const takeBack = inTurn(() => done.push(1));
    inTurn(() => done.push(2));
    takeBack();
    frame();
    expect(done).toEqual([2]);
    frame();
    inTurn(() => done.push(3));
    frame();
    expect(done).toEqual([2, 3]);
  });
});
