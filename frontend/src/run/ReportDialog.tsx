import { Dialog } from "@/ui/Dialog";
import styles from "./ReportDialog.module.css";
import type { RunDialogProps } from "./RunDialogs";

const FILES = [
  ["report?format=html", "Page", "opens in a new tab; prints well"],
  ["report?format=pdf", "PDF", "for a paper's supplement"],
  ["report?format=md", "Model card", "Markdown, as the Hugging Face hub reads it"],
  ["bundle", "Bundle", "config, seed, versions and numbers, to run it again and compare"],
] as const;

/** What the server writes about a run, each a link that the browser opens or saves by itself. */
export function ReportDialog({ run, onClose }: RunDialogProps) {
  return (
    <Dialog title={`Report on ${run.name}`} onClose={onClose}>
      <ul className={styles.files}>
        {FILES.map(([path, name, help]) => (
          <li key={path}>
            <a
              href={`/api/v1/runs/${run.id}/${path}`}
              target={name === "Page" ? "_blank" : undefined}
              rel="noreferrer"
            >
              {name}
            </a>
            <span>{help}</span>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
