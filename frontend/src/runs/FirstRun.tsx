import { Play } from "lucide-react";
import { useState } from "react";
import { useLocation } from "wouter";
import { useCreateRun } from "@/api/actions";
import { FIRST_PRESET } from "@/api/queries";
import { Button } from "@/ui/Button";
import { EmptyState } from "@/ui/Message";
import { uniqueId } from "@/ui/uniqueId";

/** No runs yet: one sentence, and one button that starts the demonstration. */
export function FirstRun() {
  const [, navigate] = useLocation();
  const create = useCreateRun();
  const [key] = useState(uniqueId);
  const start = () =>
    create.mutate(
      { body: { preset: FIRST_PRESET, config: {}, tags: [], preemptible: false }, key },
      { onSuccess: (run) => navigate(`/runs/${run.id}`) },
    );
  return (
    <EmptyState
      title="No runs yet"
      action={
        <Button kind="primary" icon={<Play size={14} />} busy={create.isPending} onClick={start}>
          Start the demonstration
        </Button>
      }
    >
      The demonstration teaches a small model to add by reinforcement learning, on this machine, in
      a few minutes.
    </EmptyState>
  );
}
