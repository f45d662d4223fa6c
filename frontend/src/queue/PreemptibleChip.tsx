import { Chip } from "@/ui/Chip";

export function PreemptibleChip() {
  return (
    <Chip title="May be saved and queued again for a run of higher priority">preemptible</Chip>
  );
}
