import { formatBytes, formatNumber } from "@/ui/format";
import styles from "./MemoryPanel.module.css";
import { type Memory, partRows, peakPhase } from "./memory";

interface MemoryPanelProps {
  memory: Memory | null;
  /** Why there is no estimate. */
  note: string | null;
}

/** What the run takes of each device at its hungriest moment, and what would still fit. */
export function MemoryPanel({ memory, note }: MemoryPanelProps) {
  return (
    <section className={styles.panel} aria-labelledby="memory-title">
      <h3 id="memory-title">Memory per device</h3>
      {memory ? <Estimate memory={memory} /> : <p className={styles.note}>{note}</p>}
    </section>
  );
}

function Estimate({ memory }: { memory: Memory }) {
  const rows = partRows(memory);
  return (
    <>
      <p className={styles.total}>
        {formatBytes(memory.peak_bytes)} <small>at most at once, in {peakPhase(memory)}</small>
      </p>
      <div className={styles.bar} aria-hidden="true">
        {rows
          .filter((row) => row.share > 0)
          .map((row) => (
            <span key={row.part} style={{ flexGrow: row.share, background: colour(row.series) }} />
          ))}
      </div>
      <dl className={styles.parts}>
        {rows.map((row) => (
          <div key={row.part}>
            <dt>
              <i aria-hidden="true" style={{ background: colour(row.series) }} />
              {row.label}
            </dt>
            <dd>
              {row.phase && <span className="muted">in {row.phase} </span>}
              {formatBytes(row.bytes)}
            </dd>
          </div>
        ))}
      </dl>
      <Limits memory={memory} />
      {memory.notes.map((each) => (
        <p key={each} className={styles.note}>
          {each}
        </p>
      ))}
    </>
  );
}

function Limits({ memory }: { memory: Memory }) {
  return (
    <dl className={styles.limits}>
      {memory.complete && (
        <Limit label="With the longest completions">{formatBytes(memory.most_bytes)}</Limit>
      )}
      {memory.device_bytes !== null && (
        <Limit label="A device has" wrong={memory.fits === false}>
          {formatBytes(memory.device_bytes)}
          {memory.fits !== null && (memory.fits ? ": fits" : ": does not fit")}
        </Limit>
      )}
      {memory.largest_chunk_tokens !== null && (
        <Limit label="Most chunk tokens that fit" wrong={memory.largest_chunk_tokens === 0}>
          {memory.largest_chunk_tokens ? formatNumber(memory.largest_chunk_tokens, 0) : "none"}
        </Limit>
      )}
      {memory.largest_sequences !== null && (
        <Limit label="Sequences sampled at once" wrong={memory.largest_sequences === 0}>
          {memory.largest_sequences ? `up to ${formatNumber(memory.largest_sequences, 0)}` : "none"}
        </Limit>
      )}
    </dl>
  );
}

interface LimitProps {
  label: string;
  wrong?: boolean;
  children: React.ReactNode;
}

function Limit({ label, wrong, children }: LimitProps) {
  return (
    <div>
      <dt>{label}</dt>
      <dd className={wrong ? styles.wrong : undefined}>{children}</dd>
    </div>
  );
}

function colour(series: number): string {
  return `var(--series-${series})`;
}
