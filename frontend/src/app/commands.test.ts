import { expect, test } from "vitest";
import { matching, pageCommands, shortcutCommands } from "./commands";

const nothing = () => undefined;
const pages = pageCommands(nothing);
const groups = [
  {
    title: "Everywhere",
    shortcuts: [
      { keys: "/", label: "Search runs", run: nothing },
      { keys: "n", label: "New run", run: nothing },
    ],
  },
  { title: "Run", shortcuts: [{ keys: "Escape u", label: "Back", run: nothing }] },
];

test("what begins with the words comes first, in whatever order it stood", () => {
  const commands = [...shortcutCommands(groups, pages), ...pages];
  expect(matching(commands, "runs")[0]?.label).toBe("Runs");
  expect(matching(commands, " RUN ").map(({ label }) => label)).toContain("Search runs");
  expect(matching(commands, "")).toHaveLength(commands.length);
  expect(matching(commands, "no such words")).toEqual([]);
});

test("keys are told beside what they do, and no page stands there twice", () => {
  const commands = shortcutCommands(groups, pages);
  expect(commands.map(({ label, kind }) => [label, kind])).toEqual([
    ["Run: Back", "Esc or u"],
    ["Search runs", "/"],
  ]);
});
