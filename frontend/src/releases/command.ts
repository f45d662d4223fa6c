/** What downloads a release on the command line, and goes on where it was cut off. */

import type { Schemas } from "@/api/client";

export const fileAddress = (release: number, name: string) =>
  `/api/v1/releases/${release}/files/${name.split("/").map(encodeURIComponent).join("/")}`;

/** `origin` is this server's; the token stays in the caller's environment. */
export function downloadCommand(
  origin: string,
  release: number,
  files: Schemas["ReleaseFile"][],
): string {
  const names = files.map((file) => encodeURIComponent(file.name)).join(",");
  return [
    `curl -f -C - --remote-name-all --create-dirs --output-dir release-${release} \\`,
    `  -H "Authorization: Bearer $R1WEB_TOKEN" \\`,
    `  "${origin}/api/v1/releases/${release}/files/{${names}}"`,
  ].join("\n");
}
