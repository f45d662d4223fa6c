import type { Schemas } from "@/api/client";

export interface HealthPart {
  name: string;
  ok: boolean;
  detail: string;
}

export interface Health {
  level: "good" | "poor" | "down" | "unknown";
  parts: HealthPart[];
}

/** The answer of /health/ready as one level and its parts. */
export function healthOf(answer: Schemas["Health"] | undefined, unreachable: boolean): Health {
  if (unreachable) {
    const detail = "does not answer; the page shows what it last heard.";
    return { level: "down", parts: [{ name: "Server", ok: false, detail }] };
  }
  if (!answer) return { level: "unknown", parts: [] };
  const parts = Object.entries(answer.checks).map(([name, check]) => ({
    name,
    ok: check === "ok",
    detail: String(check),
  }));
  return { level: answer.ready ? "good" : "poor", parts };
}
