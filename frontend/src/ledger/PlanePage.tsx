import { lazy, Suspense, useId } from "react";
import { Link, useSearchParams } from "wouter";
import { usePageTitle } from "@/app/title";
import { Select, TextInput } from "@/ui/Field";
import { plural } from "@/ui/format";
import { EmptyState, ErrorState } from "@/ui/Message";
import { Segmented } from "@/ui/Segmented";
import { SkeletonLines } from "@/ui/Skeleton";
import { CostLinks } from "./CostLinks";
import styles from "./ledger.module.css";
import { PlaneTable } from "./PlaneTable";
import {
  AXES,
  type Axis,
  bestWithin,
  canBeLog,
  costOf,
  costWords,
  isFree,
  pointName,
  scoreWords,
  unitOf,
} from "./plane";
import { type Plane, type PlaneQuery, type Point, usePlane } from "./queries";

const PlaneChart = lazy(() => import("./PlaneChart"));

const METRIC = "eval/pass_at_1";
/** Narrow the runs as their list does. */
const FILTERS = ["project", "q", "tag", "preset", "owner"] as const;

/** Cost against quality: runs and stages on a plane, the frontier, and the best for a budget. */
export default function PlanePage() {
  usePageTitle("Cost against quality", "Compare", "/compare");
  const [params] = useSearchParams();
  const axis = AXES.find(({ value }) => value === params.get("axis"))?.value ?? "money";
  const filters = Object.fromEntries(
    FILTERS.flatMap((name) => (params.get(name) ? [[name, params.get(name)]] : [])),
  ) as PlaneQuery;
  const query = usePlane({
    ...filters,
    axis,
    metric: params.get("metric") ?? METRIC,
    currency: params.get("currency"),
  });
  return (
    <div className={styles.page}>
      <CostLinks />
      {query.error ? (
        <ErrorState error={query.error} onRetry={() => void query.refetch()} />
      ) : query.data ? (
        <Shown plane={query.data} axis={axis} />
      ) : (
        <SkeletonLines lines={10} />
      )}
    </div>
  );
}

function Shown({ plane, axis }: { plane: Plane; axis: Axis }) {
  const [params, setParams] = useSearchParams();
  const go = (change: Record<string, string>) =>
    setParams((before) => changed(before, change), { replace: true });
  const { points, currency } = plane;
  const canLog = canBeLog(points, axis);
  const log = canLog && params.get("x") === "log";
  const told = params.get("budget") ?? "";
  const budget = told !== "" && Number(told) >= 0 ? Number(told) : null;
  const best = budget === null ? null : bestWithin(points, axis, budget);
  const metrics = [...new Set([METRIC, plane.metric, ...plane.metrics])];
  return (
    <>
      <div className={styles.controls}>
        <Segmented
          label="Horizontal axis"
          value={axis}
          options={AXES}
          // A budget was in another unit.
          onChange={(value) => go({ axis: value, budget: "" })}
        />
        {canLog && (
          <Segmented
            label="Scale of the horizontal axis"
            value={log ? "log" : "linear"}
            options={[
              { value: "linear", label: "Linear" },
              { value: "log", label: "Log" },
            ]}
            onChange={(value) => go({ x: value === "log" ? "log" : "" })}
          />
        )}
        {axis === "money" && plane.currencies.length > 1 && (
          <Select
            aria-label="Currency"
            value={currency}
            options={plane.currencies.map((value) => ({ value, label: value }))}
            onChange={(value) => go({ currency: value, budget: "" })}
          />
        )}
        <Select
          aria-label="Score"
          value={plane.metric}
          options={metrics.map((value) => ({ value, label: value }))}
          onChange={(value) => go({ metric: value === METRIC ? "" : value })}
        />
      </div>
      <Coverage plane={plane} project={params.get("project")} />
      {points.length === 0 ? (
        <EmptyState title="Nothing to place yet">
          A run stands here once it has told {plane.metric} and devices were booked for it.
        </EmptyState>
      ) : (
        <>
          {isFree(points, axis) ? (
            <EmptyState title="None of these cost anything">
              They have a place by device-hours or energy, or once their devices have a price.
            </EmptyState>
          ) : (
            <Placed
              plane={plane}
              axis={axis}
              log={log}
              told={told}
              budget={budget}
              best={best}
              onBudget={(value) => go({ budget: value })}
            />
          )}
          <PlaneTable plane={plane} best={best} />
        </>
      )}
    </>
  );
}

interface PlacedProps {
  plane: Plane;
  axis: Axis;
  log: boolean;
  told: string;
  budget: number | null;
  best: Point | null;
  onBudget: (value: string) => void;
}

/** The plane, with the budget and what it buys. */
function Placed({ plane, axis, log, told, budget, best, onBudget }: PlacedProps) {
  const { currency } = plane;
  return (
    <>
      <Budget axis={axis} plane={plane} told={told} onChange={onBudget} />
      {budget !== null && (
        <p role="status" className={styles.best}>
          {best ? (
            <>
              Best for {costWords(budget, axis, currency)}:{" "}
              <Link href={`/runs/${best.run}?tab=cost`}>{pointName(best)}</Link>, {scoreWords(best)}{" "}
              for {costWords(costOf(best, axis), axis, currency)}.
            </>
          ) : (
            `Nothing costs ${costWords(budget, axis, currency)} or less.`
          )}
        </p>
      )}
      <section className="panel" aria-label="Plane">
        <Suspense fallback={<SkeletonLines lines={1} height={400} />}>
          <PlaneChart plane={plane} axis={axis} log={log} budget={budget} best={best} />
        </Suspense>
      </section>
    </>
  );
}

/** The address with these parts; what is empty is left out. */
function changed(params: URLSearchParams, change: Record<string, string>): URLSearchParams {
  const next = new URLSearchParams(params);
  for (const [name, value] of Object.entries(change)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  return next;
}

interface BudgetProps {
  axis: Axis;
  plane: Plane;
  told: string;
  onChange: (value: string) => void;
}

/** By hand, or drawn along what the points cost. */
function Budget({ axis, plane, told, onChange }: BudgetProps) {
  const id = useId();
  const most = Math.max(...plane.points.map((point) => costOf(point, axis)));
  return (
    <div className={styles.budget}>
      <label htmlFor={id}>Budget</label>
      <TextInput
        id={id}
        type="number"
        min={0}
        step="any"
        placeholder="none"
        value={told}
        onChange={(event) => onChange(event.target.value)}
      />
      <span className="muted">{unitOf(axis, plane.currency)}</span>
      <input
        type="range"
        aria-label="Budget, drawn"
        min={0}
        max={most}
        step={most / 200 || 1}
        value={told === "" ? most : Number(told)}
        onChange={(event) => onChange(String(Number(Number(event.target.value).toPrecision(4))))}
      />
    </div>
  );
}

function Coverage({ plane, project }: { plane: Plane; project: string | null }) {
  const { runs, is_whole, without_score, other_currency, axis } = plane;
  return (
    <p className={styles.words}>
      {is_whole ? plural(runs, "run") : `The newest ${runs} runs`}
      {project ? ` of ${project}` : " of your projects"}
      {without_score > 0 && `; ${without_score} without a score, or with nothing booked`}
      {axis === "money" &&
        other_currency > 0 &&
        `; ${plural(other_currency, "point")} paid in another currency than ${plane.currency}`}
      . The step line is the frontier: no other costs less and is as good. A stage counts what it
      and all stages before it took.
    </p>
  );
}
