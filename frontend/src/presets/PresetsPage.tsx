import { Play } from "lucide-react";
import { type Preset, usePresets } from "@/api/queries";
import { usePageTitle } from "@/app/title";
import { ConfigListing } from "@/config/ConfigListing";
import type { Table } from "@/config/nested";
import { flatPaths } from "@/config/nested";
import { pipelineOf } from "@/stages/queries";
import { ButtonLink } from "@/ui/ButtonLink";
import { ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import styles from "./PresetsPage.module.css";

/** What a run can be started from, and what each sets. */
export default function PresetsPage() {
  usePageTitle("Presets");
  const presets = usePresets();
  if (presets.isPending) return <SkeletonLines lines={2} height={240} />;
  if (presets.isError) {
    return <ErrorState error={presets.error} onRetry={() => presets.refetch()} />;
  }
  return (
    <div className={styles.presets}>
      {presets.data.map((preset) => (
        <PresetCard key={preset.name} preset={preset} />
      ))}
    </div>
  );
}

function PresetCard({ preset }: { preset: Preset }) {
  const settings = preset.settings as Table;
  return (
    <article className={`panel ${styles.preset}`} aria-label={preset.name}>
      <header className={styles.head}>
        <div>
          <h2>{preset.name}</h2>
          <p className={styles.words}>{preset.description}</p>
          <StageLine preset={preset} />
        </div>
        <ButtonLink
          href={`/new?preset=${encodeURIComponent(preset.name)}`}
          icon={<Play size={14} />}
        >
          Start
        </ButtonLink>
      </header>
      <div className={styles.values}>
        <section>
          <h3>What it sets</h3>
          <ConfigListing config={settings} changed={NONE} />
        </section>
        <details>
          <summary>With every default</summary>
          <ConfigListing config={preset.config as Table} changed={new Set(flatPaths(settings))} />
        </details>
      </div>
    </article>
  );
}

/** The stages of a preset with a pipeline, in their order. */
function StageLine({ preset }: { preset: Preset }) {
  const names = pipelineOf(preset);
  if (names.length === 0) return null;
  return (
    <ol className={styles.stages} aria-label="Stages">
      {names.map((name) => (
        <li key={name}>{name}</li>
      ))}
    </ol>
  );
}

const NONE: ReadonlySet<string> = new Set();
