import { Link } from "wouter";
import { classes } from "@/ui/classes";
import { StateBadge } from "@/ui/StateBadge";
import { Table } from "@/ui/Table";
import table from "@/ui/table.module.css";
import styles from "./ledger.module.css";
import { hoursWords, scoreWords } from "./plane";
import type { Plane, Point } from "./queries";
import { formatEnergy, formatMicros } from "./sums";

/** The plane in words: for keyboards, screen readers and paper. */
export function PlaneTable({ plane, best }: { plane: Plane; best: Point | null }) {
  return (
    <section className={table.section}>
      <h3>Those that cost least first</h3>
      <Table>
        <thead>
          <tr>
            <th>Run</th>
            <th>Stage</th>
            <th className="number">{plane.metric}</th>
            <th className="number">Cost</th>
            <th className="number">Device-hours</th>
            <th className="number">Energy</th>
            <th>Frontier</th>
            <th>State</th>
          </tr>
        </thead>
        <tbody>
          {plane.points.map((point) => (
            <tr
              key={`${point.run} ${point.stage}`}
              className={classes(point === best && styles.chosen)}
            >
              <th scope="row" className={table.name}>
                <Link href={`/runs/${point.run}?tab=cost`}>{point.name}</Link>{" "}
                <span className="muted">#{point.run}</span>
              </th>
              <td>{point.stage ?? "–"}</td>
              <td className="number">{scoreWords(point)}</td>
              <td className="number">
                {point.micros === null ? "–" : formatMicros(point.micros, plane.currency)}
              </td>
              <td className="number">{hoursWords(point.device_hours)}</td>
              <td className="number">
                {formatEnergy(point.energy_mj)}
                {point.energy_estimated && <span className="muted"> estimated</span>}
              </td>
              <td>{point.on_frontier && (point === best ? "yes, best for the budget" : "yes")}</td>
              <td>
                <StateBadge state={point.state} />
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
    </section>
  );
}
