import { useMemo, useState } from "react";
import type { RunDetail } from "@/api/queries";
import { type ChartGroup, wholeRange } from "@/charts/group";
import type { Axis } from "@/charts/plotData";
import { configNumber } from "./queries";
import type { TabProps } from "./RunPage";

/** What the charts of a tab share. Without an axis of their own they take the address's. */
export function useCharts(props: TabProps, ownAxis?: Axis): ChartGroup & { zoomed: boolean } {
  const { run, facts, store, version, address, go } = props;
  const [zoom, setZoom] = useState<{ axis: Axis; range: [number, number] } | null>(null);
  const axis = ownAxis ?? address.axis;
  // A machine's samples are few and far between: nothing to smooth
  const smoothing = ownAxis ? 0 : address.smoothing;
  const start = new Date(run.started_at ?? run.created_at).getTime() / 1000;
  const choice = useMemo(() => ({ axis, smoothing, start }), [axis, smoothing, start]);
  const config = useMemo(
    () => ({
      max_new_tokens: configNumber(run, "sampling.max_new_tokens"),
      growth: growthOf(run),
      on_policy: isOnPolicy(run),
      format_weight: configNumber(run, "reward.format"),
      kl_coef: configNumber(run, "grpo.kl_coef"),
      evaluation_every: configNumber(run, "evaluation.every_steps"),
    }),
    [run],
  );
  const zoomed = zoom?.axis === axis;
  return {
    table: store.series,
    version,
    choice,
    config,
    zoomed,
    range: zoomed ? zoom.range : wholeRange(store.series, choice, facts.step),
    onZoom: (range) => setZoom(range && { axis, range }),
    pinned: address.step,
    onPin: (step) => go({ step: step === address.step ? null : step }),
  };
}

function growthOf(run: RunDetail): ChartGroup["config"]["growth"] {
  const from_step = configNumber(run, "sampling.growth.from_step");
  const max_new_tokens = configNumber(run, "sampling.growth.max_new_tokens");
  return from_step > 0 ? { from_step, max_new_tokens } : null;
}

function isOnPolicy(run: RunDetail): boolean {
  const isOlder = ["sampling.staleness", "sampling.carry_over"].some(
    (path) => configNumber(run, path) > 0,
  );
  return configNumber(run, "grpo.steps_per_collection") === 1 && !isOlder;
}
