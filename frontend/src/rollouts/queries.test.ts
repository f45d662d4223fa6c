import { describe, expect, it } from "vitest";
import type { RunDetail } from "@/api/queries";
import { exportLink, groupsAtOnce } from "./queries";

const runOf = (group_size: number, max_new_tokens: number) =>
  ({ config: { grpo: { group_size }, sampling: { max_new_tokens } } }) as unknown as RunDetail;

describe("groupsAtOnce", () => {
  it("is few where texts may be long, and never none", () => {
    expect(groupsAtOnce(runOf(16, 64))).toBe(16);
    expect(groupsAtOnce(runOf(16, 8192))).toBe(7);
    expect(groupsAtOnce(runOf(64, 60_000))).toBe(1);
    expect(groupsAtOnce({ config: {} } as unknown as RunDetail)).toBe(16);
  });
});

describe("exportLink", () => {
  it("bears every condition, whatever its signs", () => {
    const choice = { where: ["reward>=0.5", "task=a&b"], starred: true };
    const link = new URL(exportLink(12, choice, "parquet"), "http://host");
    expect(link.pathname).toBe("/api/v1/runs/12/completions/export");
    expect(link.searchParams.getAll("where")).toEqual(choice.where);
    expect(link.searchParams.get("starred")).toBe("true");
    expect(link.searchParams.get("format")).toBe("parquet");
  });
});
