import { expect, test } from "vitest";
import { parseConfig, toToml } from "./text";

const CONFIG = { seed: 3, grpo: { group_size: 8, kl_coef: 0.01 } };

test("TOML and JSON say the same", async () => {
  expect(await parseConfig("seed = 3\n[grpo]\ngroup_size = 8\nkl_coef = 0.01\n")).toEqual(CONFIG);
  expect(await parseConfig(`  ${JSON.stringify(CONFIG)}`)).toEqual(CONFIG);
});

test("what is written can be read", async () => {
  expect(await parseConfig(await toToml(CONFIG))).toEqual(CONFIG);
});

test("nothing is an empty config", async () => {
  expect(await parseConfig(" \n")).toEqual({});
  expect(await toToml({})).toBe("");
});

test("what cannot be read is refused with the place", async () => {
  await expect(parseConfig("[grpo\nsteps = 3")).rejects.toThrow(/1/);
  await expect(parseConfig('{"grpo": ')).rejects.toThrow(SyntaxError);
});
