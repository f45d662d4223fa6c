import { describe, expect, it } from "vitest";
import {
  type Evidence,
  readClip,
  readExperts,
  readFlat,
  readGradient,
  readHeldOut,
  readKl,
  readLoss,
  readReward,
  readTime,
  readTruncated,
  trend,
} from "./readings";

const CONFIG: Evidence["config"] = {
  max_new_tokens: 64,
  growth: null,
  on_policy: true,
  format_weight: 1,
  kl_coef: 0.001,
  evaluation_every: 20,
};

function run(series: Record<string, number[]>, config: Partial<Evidence["config"]> = {}): Evidence {
  return {
    config: { ...CONFIG, ...config },
    series(name) {
      const values = series[name] ?? [];
      return { steps: values.map((_, index) => index + 1), values };
    },
  };
}

const many = (length: number, value: (step: number) => number) =>
  Array.from({ length }, (_, index) => value(index + 1));
/** Noise that is the same every time. */
const noise = (step: number) => Math.sin(step * 12.9898) * 0.2;

describe("reward", () => {
  it("says how much it rose over the last 50 steps", () => {
    const values = many(100, (step) => (step > 50 ? 0.5 + step * 0.005 : 0.5));
    expect(readReward(run({ "reward/mean": values }))).toMatch(
      /^rising, \+0\.\d\d over the last 50 steps$/,
    );
  });

  it("calls a fall a fall", () => {
    const values = many(60, (step) => 2 - step * 0.02);
    expect(readReward(run({ "reward/mean": values }))).toMatch(/^falling, −0\.\d\d over/);
  });

  it("does not take noise for a trend", () => {
    expect(readReward(run({ "reward/mean": many(80, noise) }))).toBe(
      "steady over the last 50 steps",
    );
  });

  it("points at a format that is not kept", () => {
    const evidence = run({ "reward/mean": many(80, noise), "reward/format": many(80, () => 0.34) });
    expect(readReward(evidence)).toContain("only 34 % keep the format");
    const unrewarded = { ...evidence, config: { ...evidence.config, format_weight: 0 } };
    expect(readReward(unrewarded)).not.toContain("format");
  });

  it("waits for the first points", () => {
    expect(readReward(run({}))).toBe("no points yet");
    expect(readReward(run({ "reward/mean": [1, 2] }))).toBe("first points");
  });
});

describe("the other charts", () => {
  it("held-out: the gain since the start", () => {
    expect(readHeldOut(run({ "eval/pass_at_1": [0.3, 0.6, 0.91] }))).toBe(
      "0.91, +0.61 since the start",
    );
    expect(readHeldOut(run({ "eval/pass_at_1": [0.31] }))).toBe("0.31 before training");
    expect(readHeldOut(run({}, { evaluation_every: 0 }))).toContain("switched off");
  });

  it("truncation: what to raise", () => {
    expect(readTruncated(run({ "completion/truncated": many(20, () => 0.97) }))).toBe(
      "97 % truncated: raise max_new_tokens (64)",
    );
    const grown = { growth: { from_step: 15, max_new_tokens: 128 } };
    const cut = (steps: number) => ({ "completion/truncated": many(steps, () => 0.97) });
    expect(readTruncated(run(cut(14), grown))).toContain("raise max_new_tokens (64)");
    expect(readTruncated(run(cut(15), grown))).toContain("raise growth.max_new_tokens (128)");
    expect(readTruncated(run({ "completion/truncated": many(20, () => 0) }))).toBe(
      "nearly all end by themselves",
    );
  });

  it("flat groups: too hard or too easy", () => {
    const flat = many(20, () => 0.62);
    const none = many(20, () => 0.6);
    const all = many(20, () => 0.02);
    expect(
      readFlat(run({ "groups/flat": flat, "groups/solved_none": none, "groups/solved_all": all })),
    ).toBe("62 % of groups are flat: the task is too hard");
    expect(
      readFlat(run({ "groups/flat": flat, "groups/solved_none": all, "groups/solved_all": none })),
    ).toBe("62 % of groups are flat: the task is too easy");
  });

  it("clipping: none is right on-policy, and not when a collection is used again", () => {
    const clip = { "clip/fraction": many(20, () => 0) };
    expect(readClip(run(clip))).toContain("on-policy");
    expect(readClip(run(clip, { on_policy: false }))).toBe("0.0 % of tokens clipped");
    expect(readClip(run({ "clip/fraction": many(20, () => 0.4) }))).toContain("too large");
  });

  it("gradient: spikes and NaN with their step", () => {
    const values = many(60, () => 0.5);
    expect(readGradient(run({ "optim/grad_norm": values }))).toBe("steady around 0.5");
    values[49] = 6;
    expect(readGradient(run({ "optim/grad_norm": values }))).toBe(
      "spike at step 50, 12 × the median",
    );
    values[58] = Number.NaN;
    expect(readGradient(run({ "optim/grad_norm": values }))).toContain("not a number at step 59");
  });

  it("loss, KL, experts and time", () => {
    expect(readLoss(run({ "optim/loss": [0] }))).toContain("near 0 is normal");
    expect(readKl(run({}, { kl_coef: 0 }))).toContain("kl_coef is 0");
    expect(readKl(run({ "kl/mean": many(20, () => 3) }))).toContain("far from the reference");
    expect(readExperts(run({ "moe/load_max_over_mean": many(9, () => 4.25) }))).toBe(
      "the busiest expert gets 4.3 × its share: routing is lopsided",
    );
    expect(
      readTime(
        run({
          "time/step_s": many(9, () => 1),
          "time/wait_s": many(9, () => 0.1),
          "time/rollout_s": many(9, () => 2),
        }),
      ),
    ).toBe("1.00 s a step, 10 % of it waiting for rollouts");
    expect(
      readTime(run({ "time/step_s": many(9, () => 0.8), "time/rollout_s": many(9, () => 0.4) })),
    ).toBe("0.80 s a step, 50 % of it sampling");
  });
});

describe("trend", () => {
  it("measures over the steps there are, not over the points", () => {
    const steps = many(40, (index) => index * 10);
    const values = steps.map((step) => step / 100);
    const moved = trend(steps, values);
    expect(moved?.real).toBe(true);
    expect(moved?.change).toBeCloseTo((moved?.steps ?? 0) / 100 - 0.9, 5);
  });

  it("needs a few points", () => {
    expect(trend([1, 2, 3], [1, 2, 3])).toBeNull();
  });
});
