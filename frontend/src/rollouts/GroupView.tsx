import { ArrowLeft, GitCompareArrows } from "lucide-react";
import { useKeys } from "@/app/useKeys";
import { Button } from "@/ui/Button";
import { Select } from "@/ui/Field";
import { ORDERS, type Order } from "./address";
import { Clusters } from "./Clusters";
import { Columns } from "./Columns";
import { GroupFacts } from "./GroupFacts";
import styles from "./GroupView.module.css";
import { MathText } from "./MathText";
import type { Completion, GroupDetail } from "./queries";
import { RewardBars } from "./RewardBars";

interface GroupViewProps {
  detail: GroupDetail;
  /** In the order in which they stand. */
  completions: readonly Completion[];
  /** Place among them of the one that the keys act on. */
  place: number;
  onMove: (place: number) => void;
  order: Order;
  onOrder: (order: Order) => void;
  onOpen: (completion: number) => void;
  onUp: () => void;
  linkOf: (completion: number) => string;
  onAlike: () => void;
}

/** One prompt and what the policy wrote to it, side by side. */
export function GroupView(props: GroupViewProps) {
  const { detail, completions, place, onMove, order, onOrder, onOpen, onUp, linkOf, onAlike } =
    props;
  const { group, clusters } = detail;
  const current = completions[place];
  useKeys("Completions of the group", [
    { keys: "j", label: "Next completion", run: () => onMove(place + 1) },
    { keys: "k", label: "Completion before", run: () => onMove(place - 1) },
    { keys: "Enter o", label: "Read it", run: () => current && onOpen(current.index) },
    { keys: "p", label: "The same prompt over the run", run: onAlike },
    { keys: "Escape u", label: "Back", run: onUp },
  ]);
  return (
    <section aria-label="Group" className={styles.group}>
      <GroupHead detail={detail} upLabel={`Step ${group.step}`} onUp={onUp} />
      <div className={styles.tools}>
        <RewardBars completions={completions} place={place} onMove={onMove} />
        <Clusters
          clusters={clusters}
          current={current?.index ?? -1}
          onChoose={(index) => onMove(completions.findIndex((each) => each.index === index))}
        />
        <Button
          small
          kind="quiet"
          icon={<GitCompareArrows size={14} />}
          className={styles.alike}
          onClick={onAlike}
        >
          Same prompt
        </Button>
        <Select
          aria-label="Order of completions"
          value={order}
          options={ORDERS}
          onChange={onOrder}
        />
      </div>
      <Columns
        completions={completions}
        clusters={clusters}
        place={place}
        onMove={onMove}
        linkOf={linkOf}
      />
    </section>
  );
}

interface GroupHeadProps {
  detail: GroupDetail;
  upLabel: string;
  onUp: () => void;
}

/** The prompt, and how its group did. */
export function GroupHead({ detail, upLabel, onUp }: GroupHeadProps) {
  const { group } = detail;
  return (
    <header className={styles.header}>
      <Button small kind="quiet" icon={<ArrowLeft size={14} />} onClick={onUp}>
        {upLabel}
      </Button>
      <h3 className={styles.question} dir="auto">
        <MathText text={group.question} />
      </h3>
      <GroupFacts group={group} />
    </header>
  );
}
