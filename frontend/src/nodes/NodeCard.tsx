import { CircleCheck, CircleSlash, Hourglass, type LucideIcon, Unplug } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";
import { useDrainNode, usePatchNode } from "@/api/actions";
import type { Schemas } from "@/api/client";
import type { Node } from "@/api/queries";
import { Button } from "@/ui/Button";
import { Chip } from "@/ui/Chip";
import { classes } from "@/ui/classes";
import { Confirm } from "@/ui/Dialog";
import { Field } from "@/ui/Field";
import { formatBytes, formatCost, formatPercent, plural } from "@/ui/format";
import { Progress } from "@/ui/Progress";
import { RelativeTime } from "@/ui/RelativeTime";
import styles from "./NodeCard.module.css";

const SITES: Record<string, string> = { slurm: "SLURM", kubernetes: "Kubernetes" };

/** One machine, its load dimmed when it was not heard for a while; or room for one elsewhere. */
export function NodeCard({ node, mayCordon }: { node: Node; mayCordon: boolean }) {
  const away = node.state === "unreachable";
  const site = SITES[node.kind];
  return (
    <article className={`panel ${styles.card}`} aria-label={node.name}>
      <header className={styles.head}>
        <h2 className="truncate" title={node.address || undefined}>
          {node.name}
        </h2>
        <NodeState state={node.state} />
      </header>
      <p className={styles.facts}>
        {site ? `Room for one machine’s part of a run in ${site} · ` : null}
        {plural(node.cpus, "CPU")}
        {!site && <> · {formatBytes(node.memory_bytes)} memory</>} ·{" "}
        {formatBytes(node.disk_free_bytes)} disk free
        {node.price_per_device_hour > 0 && (
          <> · {formatCost(node.price_per_device_hour)} a device-hour</>
        )}
      </p>
      {node.labels.length > 0 && (
        <ul className={styles.labels} aria-label="Labels">
          {node.labels.map((label) => (
            <li key={label}>
              <Chip title="Runs ask for it by hardware.node_labels">{label}</Chip>
            </li>
          ))}
        </ul>
      )}
      {!site && (
        <div className={classes(styles.loads, away && styles.stale)}>
          <Load label="CPU" percent={node.load.cpu_percent} />
          <Load label="Memory" percent={node.load.memory_percent} />
        </div>
      )}
      <ul className={styles.devices}>
        {node.devices.map((device) => (
          <DeviceLine
            key={device.id}
            device={device}
            load={node.load.gpus?.find(
              (gpu) => device.kind === "gpu" && gpu.index === device.index,
            )}
          />
        ))}
      </ul>
      <footer className={styles.foot}>
        <span>
          Heard <RelativeTime at={node.heartbeat_at} />
        </span>
        <Versions versions={node.versions} />
        {mayCordon && <CordonButton node={node} />}
      </footer>
    </article>
  );
}

const STATES: Record<string, { icon: LucideIcon; words: string; className?: string }> = {
  ready: { icon: CircleCheck, words: "ready", className: styles.ready },
  draining: { icon: Hourglass, words: "draining", className: styles.away },
  cordoned: { icon: CircleSlash, words: "cordoned", className: styles.cordoned },
  unreachable: { icon: Unplug, words: "unreachable", className: styles.away },
};

function NodeState({ state }: { state: string }) {
  const known = STATES[state];
  if (!known) return <span>{state}</span>;
  const Icon = known.icon;
  return (
    <span className={classes(styles.state, known.className)}>
      <Icon size={14} aria-hidden />
      {known.words}
    </span>
  );
}

function Load({ label, percent }: { label: string; percent: number | null | undefined }) {
  const known = percent !== null && percent !== undefined;
  return (
    <div className={styles.load}>
      <span>{label}</span>
      <Progress value={percent ?? 0} max={100} label={`${label} load`} />
      <span className="number">{known ? formatPercent(percent / 100, 0) : "–"}</span>
    </div>
  );
}

interface DeviceLineProps {
  device: Schemas["DeviceOut"];
  load: Schemas["GpuLoadOut"] | undefined;
}

function DeviceLine({ device, load }: DeviceLineProps) {
  const { lease } = device;
  return (
    <li className={styles.device}>
      <span className={styles.place}>
        {device.kind} {device.index}
      </span>
      <span className={`truncate ${styles.model}`} title={device.model}>
        {device.model || "–"}
      </span>
      <span className="number muted">
        {load
          ? `${formatPercent(load.utilization_percent / 100, 0)} · ${formatBytes(load.memory_used_bytes)} of ${formatBytes(load.memory_bytes)}`
          : device.memory_bytes > 0 && formatBytes(device.memory_bytes)}
      </span>
      <span className={styles.lease}>
        {lease === null && <span className="muted">free</span>}
        {lease?.run && (
          <Link href={`/runs/${lease.run}`} className="truncate" title={lease.name ?? undefined}>
            #{lease.run} {lease.name}
          </Link>
        )}
        {lease && !lease.run && <span className="muted">in use by another project</span>}
      </span>
    </li>
  );
}

function Versions({ versions }: { versions: Record<string, string> }) {
  const entries = Object.entries(versions);
  if (entries.length === 0) return null;
  return (
    <details className={styles.versions}>
      <summary>Versions</summary>
      <dl>
        {entries.map(([name, version]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{version}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

/** Taking it out of use asks first: queued runs may wait for it. */
function CordonButton({ node }: { node: Node }) {
  const patch = usePatchNode();
  const [asking, setAsking] = useState(false);
  if (node.cordoned) {
    return (
      <Button
        small
        busy={patch.isPending}
        onClick={() => patch.mutate({ id: node.id, cordoned: false })}
      >
        Take back
      </Button>
    );
  }
  return (
    <>
      <Button small onClick={() => setAsking(true)}>
        Cordon
      </Button>
      {asking && <CordonDialog node={node} onClose={() => setAsking(false)} />}
    </>
  );
}

function CordonDialog({ node, onClose }: { node: Node; onClose: () => void }) {
  const drain = useDrainNode();
  const [requeue, setRequeue] = useState(false);
  return (
    <Confirm
      title={`Cordon ${node.name}?`}
      action="Cordon the node"
      busy={drain.isPending}
      onClose={onClose}
      onConfirm={() => drain.mutate({ id: node.id, requeue }, { onSettled: onClose })}
    >
      <p>Nothing new is placed on it until it is taken back.</p>
      <Field
        inline
        label="Save its runs and queue them again"
        help="Else what runs on it goes on to its end."
      >
        {(control) => (
          <input
            {...control}
            type="checkbox"
            checked={requeue}
            onChange={(event) => setRequeue(event.target.checked)}
          />
        )}
      </Field>
    </Confirm>
  );
}
