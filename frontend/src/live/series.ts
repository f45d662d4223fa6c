import { Column } from "./column";
import type { RunEvent, WireNumber, WireValues } from "./messages";
import { toNumber } from "./messages";

export interface Points {
  steps: Column;
  /** Unix seconds. */
  times: Column;
  values: Column;
}

export interface Series extends Points {
  name: string;
  /** Least and greatest value of the points that each one stands for; its own where it is exact. */
  low: Column;
  high: Column;
  /** Value of the last of them. */
  last: Column;
  /** How many of these points are NaN or infinite. */
  odd: Column;
  /** What a later attempt overtook, in order of time: kept, drawn faintly. */
  superseded: Points;
  /** Points the server holds; more than `steps.length` when the snapshot was thinned. */
  total: number;
}

interface WirePoints {
  steps: number[];
  times: number[];
  values: WireNumber[];
}

/** A series as `GET /runs/{id}/metrics` answers it. */
export interface SeriesSnapshot extends WirePoints {
  name: string;
  /** Of each bucket; null or left out where every point is exact. */
  min?: WireNumber[] | null;
  max?: WireNumber[] | null;
  last?: WireNumber[] | null;
  not_finite?: number[] | null;
  /** By attempt, in their order. */
  superseded?: WirePoints[];
  total?: number;
}

function pointsOf(wire: WirePoints): Points {
  return {
    steps: new Column(wire.steps),
    times: new Column(wire.times),
    values: new Column(wire.values.map(toNumber)),
  };
}

/** 1 for what is not finite, else 0. */
function oddness(value: WireNumber): number {
  return Number.isFinite(toNumber(value)) ? 0 : 1;
}

export function seriesOf(snapshot: SeriesSnapshot): Series {
  const old = snapshot.superseded ?? [];
  return {
    ...pointsOf(snapshot),
    name: snapshot.name,
    low: new Column((snapshot.min ?? snapshot.values).map(toNumber)),
    high: new Column((snapshot.max ?? snapshot.values).map(toNumber)),
    last: new Column((snapshot.last ?? snapshot.values).map(toNumber)),
    odd: new Column(snapshot.not_finite ?? snapshot.values.map(oddness)),
    superseded: pointsOf({
      steps: old.flatMap((part) => part.steps),
      times: old.flatMap((part) => part.times),
      values: old.flatMap((part) => part.values),
    }),
    total: snapshot.total ?? snapshot.steps.length,
  };
}

let generations = 0;

/** All series of a run, by name. */
export class SeriesTable {
  /** Another one when points were replaced, not only added: what was fetched before is stale. */
  generation = ++generations;
  private readonly byName = new Map<string, Series>();
  /** Of series that exist and are not held here. */
  private readonly otherNames = new Set<string>();

  /** `isHeld` tells which series the table keeps; of all others it only learns the names. */
  constructor(private readonly isHeld: (name: string) => boolean = () => true) {}

  static from(
    snapshots: readonly SeriesSnapshot[],
    isHeld?: (name: string) => boolean,
  ): SeriesTable {
    const table = new SeriesTable(isHeld);
    table.add(snapshots);
    return table;
  }

  /** Takes in whole series, in the place of what it had of them. */
  add(snapshots: readonly SeriesSnapshot[]): void {
    for (const snapshot of snapshots) this.byName.set(snapshot.name, seriesOf(snapshot));
  }

  get(name: string): Series | undefined {
    return this.byName.get(name);
  }

  names(): string[] {
    return [...this.byName.keys()].sort();
  }

  /** Names that came in live, of series that are not held. */
  others(): string[] {
    return [...this.otherNames].filter((name) => !this.byName.has(name));
  }

  /** Points of the longest series. */
  longest(): number {
    return Math.max(0, ...[...this.byName.values()].map(({ steps }) => steps.length));
  }

  /** Takes in what an event says about series; events must come in order, each once. */
  apply(event: RunEvent, isMeant: (name: string) => boolean = this.isHeld): void {
    switch (event.type) {
      case "metrics":
      case "system":
        this.append(event.step, event.payload.time, event.payload.values, isMeant);
        break;
      case "evaluation":
        if (event.payload.model) break; // one of several models, not the run's policy
        this.append(event.step, event.payload.time, event.payload.values, isMeant);
        break;
      case "started":
        this.supersede(event.payload.start_step, isMeant);
        break;
    }
  }

  private append(
    step: number,
    time: number,
    values: WireValues,
    isMeant: (name: string) => boolean,
  ): void {
    for (const [name, value] of Object.entries(values)) {
      if (!isMeant(name)) {
        this.otherNames.add(name);
        continue;
      }
      const series = this.byName.get(name) ?? seriesOf({ name, steps: [], times: [], values: [] });
      this.byName.set(name, series);
      series.steps.push(step);
      series.times.push(time);
      for (const column of [series.values, series.low, series.high, series.last])
        column.push(toNumber(value));
      series.odd.push(oddness(value));
      series.total += 1;
    }
  }

  /**
   * A new attempt goes on after `start`: what earlier ones wrote beyond it stands aside.
   * One that begins at 0 overtakes step 0 as well.
   */
  private supersede(start: number, isMeant: (name: string) => boolean): void {
    this.generation = ++generations;
    for (const series of this.byName.values()) {
      if (!isMeant(series.name)) continue;
      const keep = start === 0 ? 0 : countUpTo(series.steps.view(), start);
      if (keep === series.steps.length) continue;
      series.total -= series.steps.length - keep;
      series.superseded = inOrderOfTime(series.superseded, {
        steps: series.steps.cut(keep),
        times: series.times.cut(keep),
        values: series.values.cut(keep),
      });
      series.low.cut(keep);
      series.high.cut(keep);
      series.last.cut(keep);
      series.odd.cut(keep);
    }
  }
}

function inOrderOfTime(before: Points, more: Record<keyof Points, Float64Array>): Points {
  const steps = [...before.steps.view(), ...more.steps];
  const times = [...before.times.view(), ...more.times];
  const values = [...before.values.view(), ...more.values];
  const order = times.map((_, index) => index);
  order.sort((a, b) => (times[a] as number) - (times[b] as number));
  const sorted = (column: number[]) => new Column(order.map((index) => column[index] as number));
  return { steps: sorted(steps), times: sorted(times), values: sorted(values) };
}

/** How many of the rising `steps` are at most `step`. */
function countUpTo(steps: Float64Array, step: number): number {
  let low = 0;
  let high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((steps[middle] as number) <= step) low = middle + 1;
    else high = middle;
  }
  return low;
}
