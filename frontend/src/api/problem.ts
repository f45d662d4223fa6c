/** RFC 9457 problem details, as the server answers every error. */

export interface FieldProblem {
  /** Dotted path of the field ("config.grpo.group_size"), "" for the whole. */
  path: string;
  message: string;
  code: string;
}

/** Anything that went wrong with a request, as a sentence a person can act on. */
export class ProblemError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    message: string,
    readonly errors: readonly FieldProblem[] = [],
  ) {
    super(message);
    this.name = "ProblemError";
  }
}

export function problemFrom(status: number, body: unknown): ProblemError {
  const problem = isRecord(body) ? body : {};
  return new ProblemError(
    status,
    text(problem.code) || "unknown",
    text(problem.title) || "The server answered with an error",
    text(problem.detail) || `The answer had status ${status}. Try again in a moment.`,
    Array.isArray(problem.errors) ? problem.errors.filter(isRecord).map(fieldProblem) : [],
  );
}

export function asProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof TypeError) {
    return new ProblemError(
      0,
      "unreachable",
      "The server cannot be reached",
      "Check that r1web is running and that this machine is connected, then try again.",
    );
  }
  const message = error instanceof Error ? error.message : String(error);
  return new ProblemError(0, "unknown", "Something went wrong in this page", message);
}

/** What is wrong with one field, when that is what went wrong. */
export function messageAt(error: unknown, path: string): string | undefined {
  return asProblem(error).errors.find((each) => each.path === path)?.message;
}

function fieldProblem(item: Record<string, unknown>): FieldProblem {
  return { path: text(item.path), message: text(item.message), code: text(item.code) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
