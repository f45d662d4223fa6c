import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { useDebounced } from "@/ui/useDebounced";
import type { Draft } from "./draft";

const PAUSE_MS = 200;

/** What the server makes of the draft, a moment after the last change. */
export function useValidation(draft: Draft | null) {
  const asked = useDebounced(draft && requestOf(draft), PAUSE_MS);
  return useQuery({
    queryKey: ["validate", asked],
    queryFn: () => unwrap(api.POST("/api/v1/configs/validate", { body: asked ?? { config: {} } })),
    enabled: asked !== null,
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

function requestOf({ preset, overrides, start }: Draft) {
  return { preset: preset || null, config: overrides, checkpoint: start?.checkpoint ?? null };
}
