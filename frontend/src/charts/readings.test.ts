import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HEADLINE_SERIES, RUN_CHARTS, runCharts, wideOnes } from "./catalogue";
import { type Evidence, trend } from "./evidence";
import {
  readClip,
  readEntropy,
  readExperts,
  readFlat,
  readFormat,
  readGradient,
  readHeldOut,
  readKl,
  readLength,
  readLoss,
  readReward,
  readSpeed,
  readTime,
  readTruncated,
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
    expect(readReward(run({ "reward/mean": values })).text).toMatch(
      /^rising, \+0\.\d\d over the last 50 steps$/,
    );
  });

  it("calls a fall a fall", () => {
    const values = many(60, (step) => 2 - step * 0.02);
    expect(readReward(run({ "reward/mean": values })).text).toMatch(/^falling, −0\.\d\d over/);
  });

  it("does not take noise for a trend", () => {
    expect(readReward(run({ "reward/mean": many(80, noise) })).text).toBe(
      "steady over the last 50 steps",
    );
  });

  it("points at a format that is not kept", () => {
    const evidence = run({ "reward/mean": many(80, noise), "reward/format": many(80, () => 0.34) });
    expect(readReward(evidence).text).toContain("only 34 % keep the format");
    const unrewarded = { ...evidence, config: { ...evidence.config, format_weight: 0 } };
    expect(readReward(unrewarded).text).not.toContain("format");
  });

  it("waits for the first points", () => {
    expect(readReward(run({})).text).toBe("no points yet");
    expect(readReward(run({ "reward/mean": [1, 2] })).text).toBe("first points");
  });
});

describe("the other charts", () => {
  it("held-out: the gain since the start", () => {
    expect(readHeldOut(run({ "eval/pass_at_1": [0.3, 0.6, 0.91] })).text).toBe(
      "0.91, +0.61 since the start",
    );
    expect(readHeldOut(run({ "eval/pass_at_1": [0.31] })).text).toBe("0.31 before training");
    expect(readHeldOut(run({}, { evaluation_every: 0 })).text).toContain("switched off");
  });

  it("truncation: what to raise", () => {
    expect(readTruncated(run({ "completion/truncated": many(20, () => 0.97) })).text).toBe(
      "97 % truncated: raise max_new_tokens (64)",
    );
    const grown = { growth: { from_step: 15, max_new_tokens: 128 } };
    const cut = (steps: number) => ({ "completion/truncated": many(steps, () => 0.97) });
    expect(readTruncated(run(cut(14), grown)).text).toContain("raise max_new_tokens (64)");
    expect(readTruncated(run(cut(15), grown)).text).toContain("raise growth.max_new_tokens (128)");
    expect(readTruncated(run({ "completion/truncated": many(20, () => 0) })).text).toBe(
      "nearly all end by themselves",
    );
  });

  it("flat groups: too hard or too easy", () => {
    const flat = many(20, () => 0.62);
    const none = many(20, () => 0.6);
    const all = many(20, () => 0.02);
    expect(
      readFlat(run({ "groups/flat": flat, "groups/solved_none": none, "groups/solved_all": all }))
        .text,
    ).toBe("62 % of groups are flat: the task is too hard");
    expect(
      readFlat(run({ "groups/flat": flat, "groups/solved_none": all, "groups/solved_all": none }))
        .text,
    ).toBe("62 % of groups are flat: the task is too easy");
  });

  it("clipping: none is right on-policy, and not when a collection is used again", () => {
    const clip = { "clip/fraction": many(20, () => 0) };
    expect(readClip(run(clip)).text).toContain("on-policy");
    expect(readClip(run(clip, { on_policy: false })).text).toBe("0.0 % of tokens clipped");
    expect(readClip(run({ "clip/fraction": many(20, () => 0.4) })).text).toContain("too large");
  });

  it("gradient: spikes and NaN with their step", () => {
    const values = many(60, () => 0.5);
    expect(readGradient(run({ "optim/grad_norm": values })).text).toBe("steady around 0.5");
    values[49] = 6;
    expect(readGradient(run({ "optim/grad_norm": values })).text).toBe(
      "spike at step 50, 12 × the median",
    );
    values[58] = Number.NaN;
    expect(readGradient(run({ "optim/grad_norm": values })).text).toContain(
      "not a number at step 59",
    );
  });

  it("loss, KL, experts and time", () => {
    expect(readLoss(run({ "optim/loss": [0] })).text).toContain("near 0 is normal");
    expect(readKl(run({}, { kl_coef: 0 })).text).toContain("kl_coef is 0");
    expect(readKl(run({ "kl/mean": many(20, () => 3) })).text).toContain("far from the reference");
    expect(readExperts(run({ "moe/load_max_over_mean": many(9, () => 4.25) })).text).toBe(
      "the busiest expert gets 4.3 × its share: routing is lopsided",
    );
    expect(
      readTime(
        run({
          "time/step_s": many(9, () => 1),
          "time/wait_s": many(9, () => 0.1),
          "time/rollout_s": many(9, () => 2),
        }),
      ).text,
    ).toBe("1.00 s a step, 10 % of it waiting for rollouts");
    expect(
      readTime(run({ "time/step_s": many(9, () => 0.8), "time/rollout_s": many(9, () => 0.4) }))
        .text,
    ).toBe("0.80 s a step, 50 % of it sampling");
  });
});

const flat = (value: number) => many(80, () => value);

describe("what is wrong is called wrong, with what to do about it", () => {
  const slope = (from: number, by: number) => many(80, (step) => from + by * step);
  const cases: [
    string,
    (evidence: Evidence) => { text: string; wrong: boolean },
    Evidence,
    RegExp,
  ][] = [
    [
      "a falling reward",
      readReward,
      run({ "reward/mean": slope(2, -0.02) }),
      /falling.*learning_rate/,
    ],
    [
      "no reward at all",
      readReward,
      run({ "reward/mean": flat(0), "reward/std": flat(0) }, { format_weight: 0 }),
      /0 for every completion/,
    ],
    [
      "a reward that is not a number",
      readReward,
      run({ "reward/mean": [1, Number.NaN] }),
      /step 2/,
    ],
    [
      "a held-out score below its best",
      readHeldOut,
      run({
        "eval/pass_at_1": [0.3, 0.9, 0.5],
        "eval/pass_at_1_low": [0.2, 0.8, 0.4],
        "eval/pass_at_1_high": [0.4, 1, 0.6],
      }),
      /best was 0.90 at step 2: .*go back/,
    ],
    [
      "a held-out score below the start",
      readHeldOut,
      run({
        "eval/pass_at_1": [0.9, 0.5],
        "eval/pass_at_1_low": [0.8, 0.4],
        "eval/pass_at_1_high": [1, 0.6],
      }),
      /worse than before training/,
    ],
    [
      "a collapse of length",
      readLength,
      run({ "completion/length_mean": slope(61, -0.6) }),
      /less reasoning/,
    ],
    [
      "lengths at the limit",
      readLength,
      run({ "completion/length_mean": flat(62) }),
      /raise max_new_tokens/,
    ],
    [
      "a format that is being lost",
      readFormat,
      run({ "reward/format": slope(0.99, -0.004) }),
      /fewer/,
    ],
    [
      "a format that nobody keeps",
      readFormat,
      run({ "reward/format": flat(0.1) }),
      /raise reward.format/,
    ],
    [
      "a KL that runs away",
      readKl,
      run({ "kl/mean": many(80, (step) => 0.001 * 1.08 ** step) }),
      /× in 50 steps: raise kl_coef/,
    ],
    [
      "a KL that started at 0",
      readKl,
      run({ "kl/mean": many(60, (step) => (step < 30 ? 0 : 0.5)) }),
      /^grew many times over in 50 steps/,
    ],
    ["an infinite KL", readKl, run({ "kl/mean": [0.1, Number.POSITIVE_INFINITY] }), /step 2/],
    ["an entropy near 0", readEntropy, run({ "entropy/mean": flat(0.01) }), /hardly explores/],
    ["an entropy that explodes", readEntropy, run({ "entropy/mean": slope(0.5, 0.05) }), /noise/],
    ["updates that are too large", readClip, run({ "clip/fraction": flat(0.4) }), /too large/],
    [
      "flat groups of an unknown kind",
      readFlat,
      run({ "groups/flat": flat(1) }),
      /^all groups flat: too easy or too hard$/,
    ],
    [
      "dead experts",
      readExperts,
      run({ "moe/load_max_over_mean": flat(1.1), "moe/dead_experts": flat(3) }),
      /3 experts get no token/,
    ],
    [
      "a run that slowed down",
      readSpeed,
      run({ "perf/tokens_per_s": many(80, (step) => (step > 70 ? 1000 : 5000)) }),
      /1000 tokens\/s, the median is 5000/,
    ],
    [
      "a trainer that waits",
      readTime,
      run({ "time/step_s": flat(2), "time/wait_s": flat(1) }),
      /50 % of it waiting: sampling is too slow/,
    ],
  ];

  it.each(cases)("%s", (_, read, evidence, words) => {
    expect(read(evidence)).toEqual({ text: expect.stringMatching(words), wrong: true });
  });
});

describe("every rule", () => {
  const rules = RUN_CHARTS.flatMap(({ title, read }) => (read ? [{ title, read }] : []));
  const any = fc.oneof(
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    // Up to where the difference of two is still a number.
    fc.double({ min: -1e300, max: 1e300 }),
    fc.constantFrom(0, 1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  );
  const anyRun = fc
    .dictionary(fc.constantFrom(...HEADLINE_SERIES), fc.array(any, { maxLength: 70 }))
    .map((series) => run(series));

  it.each(rules)("says something that can be read about any run: $title", ({ read }) => {
    fc.assert(
      fc.property(anyRun, (evidence) => {
        const { text } = read(evidence);
        expect(text).not.toBe("");
        expect(text).not.toMatch(/NaN|undefined|null|Infinity|∞/);
      }),
      { numRuns: 500 },
    );
  });

  it.each(rules)("finds nothing wrong with a healthy run: $title", ({ read }) => {
    const healthy = run({
      "reward/mean": many(80, (step) => 2 * (step / (step + 20)) + noise(step) / 20),
      "reward/std": flat(0.5),
      "reward/format": many(80, (step) => Math.min(1, 0.5 + step / 80)),
      "eval/pass_at_1": [0.3, 0.5, 0.7],
      "eval/pass_at_1_low": [0.2, 0.4, 0.6],
      "eval/pass_at_1_high": [0.4, 0.6, 0.8],
      "completion/length_mean": many(80, (step) => 30 + step / 10),
      "completion/truncated": flat(0.02),
      "kl/mean": many(80, (step) => 0.0005 * step),
      "entropy/mean": many(80, (step) => 1 / (1 + step / 50)),
      "clip/fraction": flat(0.01),
      "optim/grad_norm": many(80, (step) => 0.5 + noise(step)),
      "optim/loss": many(80, noise),
      "groups/flat": flat(0.3),
      "groups/solved_all": flat(0.2),
      "groups/solved_none": flat(0.1),
      "moe/load_max_over_mean": flat(1.4),
      "moe/dead_experts": flat(0),
      "perf/tokens_per_s": many(80, (step) => 5000 + 100 * noise(step)),
      "time/step_s": flat(1),
      "time/rollout_s": flat(0.6),
    });
    expect(read(healthy)).toMatchObject({ wrong: false });
    expect(read(healthy).text).not.toBe("no points yet");
  });

  it.each(rules)("finds nothing wrong before there is anything: $title", ({ read }) => {
    expect(read(run({}))).toMatchObject({ wrong: false });
  });
});

describe("the charts of a run", () => {
  it("stand in the order in which an expert asks", () => {
    expect(RUN_CHARTS.map(({ id }) => id)).toEqual([
      ...["reward", "held-out", "length", "truncated", "format"],
      ...["kl", "entropy", "clip", "gradient", "loss", "flat", "experts", "speed", "time"],
    ]);
  });

  it("leave out the experts of a model that has none, once that is known", () => {
    const ids = (names: string[]) => runCharts(names).map(({ id }) => id);
    expect(ids([])).toContain("experts");
    expect(ids(["reward/mean", "moe/dead_experts"])).toContain("experts");
    expect(ids(["reward/mean"])).not.toContain("experts");
  });

  it("leave no hole: two narrow ones side by side, or one over the whole width", () => {
    for (const names of [[], ["reward/mean"]]) {
      const specs = runCharts(names);
      const wide = wideOnes(specs);
      const rows = specs.map((spec) => (wide.has(spec) ? "W" : "n")).join("");
      expect(rows).toMatch(/^(W|nn)+$/);
      for (const spec of specs) if (spec.wide) expect(wide.has(spec)).toBe(true);
    }
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
