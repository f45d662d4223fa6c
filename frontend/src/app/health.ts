import type { Schemas } from "@/api/client";

export type HealthPart = Schemas["Check"];

export interface Health {
  level: "good" | "poor" | "down" | "unknown";
  parts: HealthPart[];
}

/** The answer of /health/ready as one level and its parts. */
export function healthOf(answer: Schemas["Ready"] | undefined, unreachable: boolean): Health {
  if (unreachable) {
    const detail = "does not answer; the page shows what it last heard.";
    return { level: "down", parts: [{ name: "Server", ok: false, detail }] };
  }
  if (!answer) return { level: "unknown", parts: [] };
  return { level: answer.status === "ready" ? "good" : "poor", parts: answer.checks };
}
