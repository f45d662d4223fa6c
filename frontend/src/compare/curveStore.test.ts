import { describe, expect, it } from "vitest";
import { type CurveQuery, CurveStore, pointsFor, type RunCurves } from "./curveStore";

type Points = Record<number, number>;

/** Answers from what it is told runs have; remembers what it was asked. */
class Server {
  readonly asked: CurveQuery[] = [];
  readonly curves = new Map<number, Record<string, Points>>();
  fails = false;

  readonly fetch = async (query: CurveQuery): Promise<RunCurves[]> => {
    this.asked.push(query);
    if (this.fails) throw new Error("away");
    return query.runs.flatMap((run) => {
      const curves = this.curves.get(run);
      return curves ? [{ run, series: this.seriesOf(curves, query) }] : [];
    });
  };

  private seriesOf(curves: Record<string, Points>, { names, fromStep = 0 }: CurveQuery) {
    return names.flatMap((name) => {
      const points = curves[name];
      if (!points) return [];
      const steps = Object.keys(points)
        .map(Number)
        .filter((step) => step >= fromStep);
      return [
        { name, steps, times: steps, values: steps.map((s) => points[s] as number), min: null },
      ];
    });
  }
}

function valuesOf(store: CurveStore, run: number, name: string): [number, number][] {
  const series = store.table(run).get(name);
  if (!series) return [];
  const values = series.values.view();
  return Array.from(series.steps.view(), (step, index) => [step, values[index] as number]);
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

describe("the curves of many runs", () => {
  it("are asked for together, and each once", async () => {
    const server = new Server();
    server.curves.set(1, { a: { 1: 10 } });
    server.curves.set(2, { a: { 1: 20 }, b: { 1: 21 } });
    const store = new CurveStore(server.fetch);
    store.start();
    store.show([1, 2]);
    store.need(["a"]);
    store.need(["b", "a"]);
    await settled();
    expect(server.asked).toEqual([{ runs: [1, 2], names: ["a", "b"], maxPoints: pointsFor(2) }]);
    expect(valuesOf(store, 2, "b")).toEqual([[1, 21]]);
    store.show([1, 2, 3]);
    await settled();
    expect(server.asked[1]?.runs).toEqual([3]);
  });

  it("come in batches", async () => {
    const server = new Server();
    const store = new CurveStore(server.fetch);
    store.start();
    store.show(Array.from({ length: 90 }, (_, at) => at + 1));
    store.need(["a"]);
    await settled();
    expect(server.asked.map(({ runs }) => runs.length)).toEqual([40, 40, 10]);
  });

  it("grow by what is new, each point once", async () => {
    const server = new Server();
    server.curves.set(1, { a: { 1: 10, 2: 11 } });
    server.curves.set(2, { a: { 1: 20 } });
    const store = new CurveStore(server.fetch);
    store.start();
    store.show([1, 2]);
    store.need(["a"]);
    await settled();
    server.curves.set(1, { a: { 1: 10, 2: 11, 3: 12 } });
    server.curves.set(2, { a: { 1: 20, 2: 21 } });
    await store.advance([1, 2, 9]);
    expect(server.asked.at(-1)).toMatchObject({ runs: [1, 2], names: ["a"], fromStep: 2 });
    expect(valuesOf(store, 1, "a")).toEqual([
      [1, 10],
      [2, 11],
      [3, 12],
    ]);
    expect(valuesOf(store, 2, "a")).toEqual([
      [1, 20],
      [2, 21],
    ]);
  });

  it("are read anew when points may have been replaced", async () => {
    const server = new Server();
    server.curves.set(1, { a: { 1: 10, 2: 11 } });
    const store = new CurveStore(server.fetch);
    store.start();
    store.show([1]);
    store.need(["a"]);
    await settled();
    server.curves.set(1, { a: { 1: 10 } });
    store.reload([1]);
    await settled();
    expect(valuesOf(store, 1, "a")).toEqual([[1, 10]]);
  });

  it("have fewer points each, the more they are", () => {
    expect([1, 24, 200, 3000].map(pointsFor)).toEqual([1000, 1000, 120, 60]);
  });
});
