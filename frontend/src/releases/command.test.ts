import { expect, test } from "vitest";
import { downloadCommand, fileAddress } from "./command";

const file = (name: string) => ({ name, bytes: 1, sha256: "0".repeat(64) });

test("one command has all files and no token", () => {
  const command = downloadCommand("https://r1web.example.org", 3, [
    file("README.md"),
    file("a{b}.json"),
  ]);
  expect(command).toContain("files/{README.md,a%7Bb%7D.json}");
  expect(command).toContain("Bearer $R1WEB_TOKEN");
  expect(command).toContain("-C -");
});

test("a name cannot lead elsewhere", () => {
  expect(fileAddress(3, "sub/what?#.bin")).toBe("/api/v1/releases/3/files/sub/what%3F%23.bin");
});
