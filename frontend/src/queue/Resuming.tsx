import { Link } from "wouter";
import type { ResumingRun } from "@/api/queries";
import { classes } from "@/ui/classes";
import { RelativeTime } from "@/ui/RelativeTime";
import { Table } from "@/ui/Table";
import table from "@/ui/table.module.css";
import { useNow } from "@/ui/useNow";
import styles from "./QueuePage.module.css";

/** Runs that pause before they join the queue again without anybody asking. */
export function Resuming({ runs }: { runs: readonly ResumingRun[] }) {
  return (
    <section className={classes(table.section, styles.resuming)} aria-labelledby="resuming">
      <h3 id="resuming">Going on by itself</h3>
      <p className="muted">Each of these ended early and joins the queue again after a pause.</p>
      <Table>
        <thead>
          <tr>
            <th>Run</th>
            <th>What happened</th>
            <th>Goes on</th>
            <th className={styles.minor}>Project</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr key={run.run}>
              <th scope="row" className={table.name}>
                <Link href={`/runs/${run.run}`}>{run.name}</Link>{" "}
                <span className="muted">#{run.run}</span>
              </th>
              <td className={table.prose}>{run.reason}</td>
              <td>
                <GoesOn at={run.resume_at} />
              </td>
              <td className={styles.minor}>{run.project}</td>
            </tr>
          ))}
        </tbody>
      </Table>
    </section>
  );
}

/** Past that moment it joins the queue with the next look at it. */
function GoesOn({ at }: { at: string }) {
  return new Date(at) < useNow() ? "any moment" : <RelativeTime at={at} />;
}
