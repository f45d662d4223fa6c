import { QueryClient } from "@tanstack/react-query";
import { ProblemError } from "./problem";

/** Keeps what the server answered; asks again when it could not be reached, not when it refused. */
export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        retry: (failures, error) => failures < 2 && !isRefusal(error),
      },
    },
  });
}

/** A refusal stays one, however often it is asked. */
function isRefusal(error: unknown): boolean {
  return error instanceof ProblemError && error.status >= 400 && error.status < 500;
}
