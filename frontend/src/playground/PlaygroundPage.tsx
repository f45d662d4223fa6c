import { MessageSquare, Square } from "lucide-react";
import { useState } from "react";
import { useLocation, useSearch } from "wouter";
import { usePageTitle } from "@/app/title";
import { Button } from "@/ui/Button";
import { ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import { AnswerCard } from "./AnswerCard";
import { type Settings, searchOf, settingsOf } from "./address";
import { isUnderWay } from "./answer";
import { Controls } from "./Controls";
import styles from "./PlaygroundPage.module.css";
import { type Question, type Speaker, useModels } from "./queries";
import { useAnswer } from "./useAnswer";

/** Talk to one or two models of a run, before and after training, side by side. */
export default function PlaygroundPage({ runId }: { runId: number }) {
  const models = useModels(runId);
  const run = models.data?.[0]?.run_name ?? "Run";
  usePageTitle("Playground", `${run} · #${runId}`, `/runs/${runId}`);
  if (models.error)
    return <ErrorState error={models.error} onRetry={() => void models.refetch()} />;
  if (!models.data) return <SkeletonLines lines={6} />;
  return <Playground runId={runId} models={models.data} />;
}

function Playground({ runId, models }: { runId: number; models: Speaker[] }) {
  const [, navigate] = useLocation();
  const search = useSearch();
  const [settings, setSettings] = useState(() => settingsOf(search, placeOf(models.at(-1))));
  const left = useAnswer();
  const right = useAnswer();
  const busy = [left, right].some(({ answer }) => answer !== null && isUnderWay(answer));
  const askBoth = () => {
    navigate(`/runs/${runId}/playground?${searchOf(settings)}`, { replace: true });
    void left.start(questionOf(runId, settings.left, settings));
    if (settings.right) void right.start(questionOf(runId, settings.right, settings));
  };
  const stopBoth = () => {
    left.stop();
    right.stop();
  };
  return (
    <div className={styles.page}>
      <form
        className={`panel ${styles.form}`}
        onSubmit={(event) => {
          event.preventDefault();
          askBoth();
        }}
      >
        <Controls settings={settings} places={models.map(placeOf)} onChange={setSettings} />
        <div className={styles.actions}>
          <Button type="submit" kind="primary" icon={<MessageSquare size={14} />} disabled={busy}>
            Ask
          </Button>
          {busy && (
            <Button icon={<Square size={14} />} onClick={stopBoth}>
              Stop
            </Button>
          )}
        </div>
      </form>
      <div className={styles.answers}>
        <AnswerCard name={settings.left} answer={left.answer} />
        {settings.right && <AnswerCard name={settings.right} answer={right.answer} />}
      </div>
    </div>
  );
}

const placeOf = (model: Speaker | undefined) => model?.name.split("/")[1] ?? "base";

function questionOf(runId: number, place: string, settings: Settings): Question {
  const asked = settings.mode === "text";
  return {
    model: `run-${runId}/${place}`,
    question: asked ? settings.question : null,
    problem: asked ? null : settings.problem,
    temperature: settings.temperature,
    top_p: 1,
    max_tokens: settings.maxTokens,
    seed: settings.seed,
  };
}
