/** A run's stages, and the config that each of them runs by. */

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useAction } from "@/api/actions";
import { api, type Schemas, unwrap } from "@/api/client";
import { FOLLOWED_MS, keys, type RunDetail, type Stage } from "@/api/queries";
import type { Facts } from "@/live/facts";

/** What has a config: a run, or a stage of it with the run's own tables beneath. */
export type Configured = Pick<RunDetail, "config">;

export function pipelineOf({ config }: Configured): string[] {
  const { pipeline } = config;
  return Array.isArray(pipeline) ? pipeline.map(String) : [];
}

export function isPipeline(run: Configured): boolean {
  return pipelineOf(run).length > 0;
}

/** The run as one of its stages has it. */
export function ofStage({ config }: Configured, name: string): Configured {
  const stages = config.stages as Record<string, Record<string, unknown>> | undefined;
  return { config: { ...config, ...stages?.[name] } };
}

/** The run as the stage has it in which a step lies. */
export function ofStageAt(
  run: Configured,
  stages: readonly Stage[] | undefined,
  step: number,
): Configured {
  if (!isPipeline(run)) return run;
  const stage = stages?.find(({ last_step }) => step <= last_step);
  return stage ? ofStage(run, stage.name) : run;
}

/** Of a plain run its config, of a pipeline that of each stage. */
export function configsOf(run: Configured): Configured[] {
  const names = pipelineOf(run);
  return names.length > 0 ? names.map((name) => ofStage(run, name)) : [run];
}

/** Asked of pipelines only, and again whenever the stream tells of a stage. */
export function useStages(run: RunDetail, facts: Facts) {
  const version = facts.stagesVersion + facts.stateVersion + facts.checkpointsVersion;
  return useQuery({
    queryKey: [...keys.run(run.id), "stages", version],
    queryFn: () =>
      unwrap(api.GET("/api/v1/runs/{run_id}/stages", { params: { path: { run_id: run.id } } })),
    enabled: isPipeline(run),
    placeholderData: keepPreviousData,
    staleTime: FOLLOWED_MS,
    refetchInterval: run.state === "running" ? FOLLOWED_MS : false,
  });
}

export function useRepeatStage() {
  return useAction((input: { id: number; stage: string; body: Schemas["RepeatIn"] }) =>
    unwrap(
      api.POST("/api/v1/runs/{run_id}/stages/{stage}/repeat", {
        params: { path: { run_id: input.id, stage: input.stage } },
        body: input.body,
      }),
    ),
  );
}

/** The stage that is under way, or else the last that has begun. */
export function currentStage(stages: readonly Stage[]): Stage | undefined {
  return stages.find(({ state }) => state === "running") ?? begun(stages).at(-1);
}

function begun(stages: readonly Stage[]): Stage[] {
  return stages.filter(({ began_at }) => began_at !== null);
}

/** Steps that a stage has taken when its run is at `step`. */
export function stepsDone(stage: Stage, step: number): number {
  return Math.max(0, Math.min(stage.steps, step - stage.first_step + 1));
}
