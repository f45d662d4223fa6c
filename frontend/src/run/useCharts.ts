import { useCallback, useMemo } from "react";
import { useAlerts } from "@/alerts/queries";
import { type RunDetail, type Stage, useCheckpoints, useRun } from "@/api/queries";
import { type Axis, type Course, clockOf, wholeRange } from "@/charts/clock";
import type { ChartGroup } from "@/charts/group";
import { type ConfigChange, type Mark, marksOf } from "@/charts/marks";
import type { View } from "@/charts/view";
import { roundStep } from "@/charts/viewAddress";
import type { Facts } from "@/live/facts";
import type { SeriesTable } from "@/live/series";
import { type Configured, isPipeline, ofStage, ofStageAt, useStages } from "@/stages/queries";
import { plural } from "@/ui/format";
import { differences } from "./configFields";
import { configNumber } from "./queries";
import type { TabProps } from "./RunPage";

/** What charts are made of: the run's own store, or a table that was put together otherwise. */
interface ChartsProps extends Omit<TabProps, "store"> {
  store: Pick<TabProps["store"], "series" | "need">;
}

/** What the charts of a tab share. Without an axis of their own they take the address's. */
export function useCharts(props: ChartsProps, ownAxis?: Axis): ChartGroup {
  const { run, facts, store, version, address, go } = props;
  const table = store.series;
  const view = useMemo(() => (ownAxis ? unsmoothed(address) : address), [address, ownAxis]);
  const wanted = ownAxis ?? address.axis;
  const axis = axesOf(run, table).includes(wanted) ? wanted : "step";
  const course = useMemo(() => courseOf(run), [run]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the table grows in place; version tells
  const clock = useMemo(() => clockOf(table, axis, course), [table, axis, course, version]);
  const stages = useStages(run, facts).data?.stages;
  const shownStep = view.zoom ? Math.min(view.zoom[1], facts.step) : facts.step;
  const config = useMemo(
    () => configOf(ofStageAt(run, stages, shownStep)),
    [run, stages, shownStep],
  );
  const marks = useMarks(run, facts, stages);
  const onZoom = useCallback(
    (range: [number, number] | null) => {
      const [from, to] = range?.map((place) => roundStep(clock.stepAt(place))) ?? [0, 0];
      go({
        zoom: range && (from as number) < (to as number) ? [from as number, to as number] : null,
      });
    },
    [clock, go],
  );
  const onView = useCallback((change: Partial<View>) => go(change), [go]);
  const [from, to] = rangeOf(view, clock.placeOf, wholeRange(table, clock, facts.step));
  const range = useMemo((): [number, number] => [from, to], [from, to]);
  return {
    runId: run.id,
    table,
    version,
    need: store.need,
    clock,
    view,
    onView,
    config,
    marks,
    range,
    onZoom,
    pinned: address.step,
    onPin: (step) => go({ step: step === address.step ? null : step }),
  };
}

/** Where it left its parent, checkpoints, resumes, alerts and what the config changes on the way. */
function useMarks(run: RunDetail, facts: Facts, stages: readonly Stage[] | undefined): Mark[] {
  const checkpoints = useCheckpoints(run.id).data;
  const alerts = useAlerts({ run: run.id }, facts).data;
  const parent = useRun(run.parent?.id ?? null).data;
  return useMemo(
    () =>
      marksOf({
        attempts: run.attempts,
        checkpoints: checkpoints ?? [],
        alerts: alerts ?? [],
        changes: allChanges(run, stages),
        fork: forkOf(run, parent),
        stages: (stages ?? [])
          .slice(1)
          .map(({ name, first_step }) => ({ name, step: first_step - 1 })),
      }),
    [run, checkpoints, alerts, parent, stages],
  );
}

const MOST_DIFFERENCES = 3;

/** A fork begins at its own step 0 with its parent's weights; the parent may be gone. */
function forkOf(run: RunDetail, parent: RunDetail | undefined): ConfigChange | null {
  if (!run.parent || run.parent.step === null) return null;
  const { id, name, step } = run.parent;
  const differs = parent ? differences(parent.config, run.config) : [];
  const more = differs.length - MOST_DIFFERENCES;
  const words = [
    ...differs.slice(0, MOST_DIFFERENCES),
    ...(more > 0 ? [`and ${plural(more, "more field")}`] : []),
  ].join(",\n");
  const origin = `forked from step ${step} of ${name} · #${id}`;
  return { step: 0, words: words ? `${origin}:\n${words}` : origin };
}

/** Of each stage that trains by GRPO, whose steps count from its beginning. */
function allChanges(run: RunDetail, stages: readonly Stage[] | undefined): ConfigChange[] {
  if (!isPipeline(run)) return changesOf(run, run.total_steps);
  return (stages ?? [])
    .filter(({ kind }) => kind === "grpo")
    .flatMap((stage) =>
      changesOf(ofStage(run, stage.name), stage.steps).map((change) => ({
        ...change,
        step: change.step + stage.first_step - 1,
      })),
    );
}

/** The steps at which a config changes something by itself. */
function changesOf(run: Configured, steps: number): ConfigChange[] {
  const growth = growthOf(run);
  const every = configNumber(run, "grpo.ref_refresh_steps");
  const refreshes = every > 0 ? Math.floor(steps / every) : 0;
  const grown = growth && {
    step: growth.from_step,
    words: `max_new_tokens ${configNumber(run, "sampling.max_new_tokens")} → ${growth.max_new_tokens}`,
  };
  return [
    ...(grown ? [grown] : []),
    ...Array.from({ length: refreshes }, (_, index) => ({
      step: (index + 1) * every,
      words: "the policy becomes the new reference",
    })),
  ];
}

/** The axes that mean something for a run: tokens once counted, cost where there is a price. */
export function axesOf(run: RunDetail, table: SeriesTable): Axis[] {
  const costs = run.attempts.some((attempt) => attempt.usd_per_hour > 0);
  return [
    "step",
    ...(table.get("tokens/total") ? (["tokens"] as const) : []),
    "time",
    "hours",
    ...(costs ? (["cost"] as const) : []),
  ];
}

/** A machine's samples are few and far between: nothing to smooth, nothing before the first. */
function unsmoothed(view: View): View {
  return { ...view, logX: false, smoothing: { ...view.smoothing, span: 0 } };
}

/** A logarithmic axis begins at a thousandth of its end, or at the first step. */
function rangeOf(
  { zoom, logX }: View,
  placeOf: (step: number) => number,
  whole: [number, number],
): [number, number] {
  const [from, to] = zoom ? [placeOf(zoom[0]), placeOf(zoom[1])] : whole;
  if (!logX) return [from, to];
  const first = Math.max(to / 1e4, placeOf(1));
  return from > 0 ? [from, to] : [Math.min(first, to / 2), to];
}

function courseOf(run: RunDetail): Course {
  const seconds = (at: string) => new Date(at).getTime() / 1000;
  return {
    start: seconds(run.started_at ?? run.created_at),
    holds: run.attempts.flatMap((attempt) => {
      const from = attempt.claimed_at ?? attempt.started_at;
      if (!from) return [];
      const to = attempt.ended_at && seconds(attempt.ended_at);
      return [
        {
          from: seconds(from),
          to: to || null,
          devices: attempt.devices,
          usdPerHour: attempt.usd_per_hour,
        },
      ];
    }),
  };
}

function configOf(run: Configured): ChartGroup["config"] {
  return {
    max_new_tokens: configNumber(run, "sampling.max_new_tokens"),
    growth: growthOf(run),
    on_policy: isOnPolicy(run),
    format_weight: configNumber(run, "reward.format"),
    kl_coef: configNumber(run, "grpo.kl_coef"),
    evaluation_every: configNumber(run, "evaluation.every_steps"),
  };
}

function growthOf(run: Configured): ChartGroup["config"]["growth"] {
  const from_step = configNumber(run, "sampling.growth.from_step");
  const max_new_tokens = configNumber(run, "sampling.growth.max_new_tokens");
  return from_step > 0 ? { from_step, max_new_tokens } : null;
}

function isOnPolicy(run: Configured): boolean {
  const isOlder = ["sampling.staleness", "sampling.carry_over"].some(
    (path) => configNumber(run, path) > 0,
  );
  return configNumber(run, "grpo.steps_per_collection") === 1 && !isOlder;
}
