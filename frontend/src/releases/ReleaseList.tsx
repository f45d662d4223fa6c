import { Copy } from "lucide-react";
import { Button } from "@/ui/Button";
import { formatBytes } from "@/ui/format";
import { ErrorState } from "@/ui/Message";
import { RelativeTime } from "@/ui/RelativeTime";
import { SkeletonLines } from "@/ui/Skeleton";
import { StateBadge } from "@/ui/StateBadge";
import { Table } from "@/ui/Table";
import { useToast } from "@/ui/toast";
import { downloadCommand, fileAddress } from "./command";
import { type Release, useReleaseFiles, useReleases } from "./queries";
import styles from "./Releases.module.css";

const LIKE_A_RUN = {
  queued: "queued",
  exporting: "running",
  ready: "finished",
  failed: "failed",
} as const;

/** What was made of the run's checkpoints for others; nothing where nothing was asked for. */
export function ReleaseList({ runId }: { runId: number }) {
  const query = useReleases(runId);
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data || query.data.items.length === 0) return null;
  return (
    <section className={styles.section}>
      <h3>Releases</h3>
      <div className={styles.list}>
        {query.data.items.map((release) => (
          <ReleaseCard key={release.id} release={release} />
        ))}
      </div>
    </section>
  );
}

function ReleaseCard({ release }: { release: Release }) {
  const dtype = release.dtype === "fp8" ? "FP8" : release.dtype;
  return (
    <article className={styles.release} aria-label={`Step ${release.step} in ${dtype}`}>
      <div className={styles.head}>
        <span className={styles.title}>
          Step {release.step} · {dtype}
        </span>
        <StateBadge state={LIKE_A_RUN[release.state]} word={release.state} />
        {release.bytes > 0 && <span>{formatBytes(release.bytes)}</span>}
        <span className="muted">
          {release.asked_by ?? "somebody"}, <RelativeTime at={release.asked_at} />
        </span>
      </div>
      {release.reason && <p className={styles.text}>{release.reason}</p>}
      {release.checked && <p className={styles.text}>Checked: {release.checked}.</p>}
      {release.pushed_to && <p className={styles.text}>Pushed to {release.pushed_to}.</p>}
      {release.bytes > 0 && (
        <details className={styles.files}>
          <summary>Files and download</summary>
          <Files release={release} />
        </details>
      )}
    </article>
  );
}

function Files({ release }: { release: Release }) {
  const query = useReleaseFiles(release);
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <SkeletonLines lines={4} />;
  return (
    <>
      <Table>
        <thead>
          <tr>
            <th>File</th>
            <th className="number">Size</th>
            <th>SHA-256</th>
          </tr>
        </thead>
        <tbody>
          {query.data.map((file) => (
            <tr key={file.name}>
              <th scope="row">
                <a href={fileAddress(release.id, file.name)} download>
                  {file.name}
                </a>
              </th>
              <td className="number">{formatBytes(file.bytes)}</td>
              <td>
                <code title={file.sha256}>{file.sha256.slice(0, 12)}…</code>
              </td>
            </tr>
          ))}
        </tbody>
      </Table>
      <Command text={downloadCommand(location.origin, release.id, query.data)} />
    </>
  );
}

function Command({ text }: { text: string }) {
  const toast = useToast();
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    toast({ text: "Command copied" });
  };
  return (
    <div className={styles.command}>
      <p className={styles.text}>
        With a token in R1WEB_TOKEN; called again, it goes on where it was cut off (error 416: that
        file is whole):
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling box must be reachable by key */}
      <pre tabIndex={0}>{text}</pre>
      <Button small icon={<Copy size={14} />} onClick={() => void copy()}>
        Copy command
      </Button>
    </div>
  );
}
