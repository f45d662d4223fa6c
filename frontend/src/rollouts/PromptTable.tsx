import { Link } from "wouter";
import { linkTo } from "@/run/address";
import type { TabProps } from "@/run/RunPage";
import { Button } from "@/ui/Button";
import { formatNumber, formatPercent } from "@/ui/format";
import { ErrorState } from "@/ui/Message";
import { SkeletonLines } from "@/ui/Skeleton";
import { Table } from "@/ui/Table";
import table from "@/ui/table.module.css";
import { HeadCell } from "./HeadCell";
import { type Prompt, usePrompts } from "./queries";

type PromptTableProps = Pick<TabProps, "run" | "address" | "go">;

const COLUMNS = [
  { title: "Prompt", isNumber: false },
  { title: "First solved", field: "solved", isNumber: true },
  { title: "Right", isNumber: true },
  { title: "Difficulty", field: "difficulty", isNumber: true },
  { title: "Times asked", field: "asked", isNumber: true },
  { title: "First asked", isNumber: true },
] as const;

/** Every prompt of the run once: when it was first solved; a press leads to it over the steps. */
export function PromptTable({ run, address, go }: PromptTableProps) {
  const query = usePrompts(run.id, address.prompts);
  const first = query.data?.pages[0];
  if (query.error) return <ErrorState error={query.error} onRetry={() => void query.refetch()} />;
  if (!first) return <SkeletonLines lines={6} />;
  const count = (value: number) => formatNumber(value, 0);
  return (
    <section aria-labelledby="prompts" className={table.section}>
      <h3 id="prompts">
        Prompts: {count(first.solved)} of {count(first.total)} solved at least once
      </h3>
      <Table panel>
        <thead>
          <tr>
            {COLUMNS.map((column) => (
              <HeadCell
                key={column.title}
                title={column.title}
                field={"field" in column ? column.field : undefined}
                isNumber={column.isNumber}
                sort={address.prompts}
                onSort={(prompts) => go({ prompts })}
              />
            ))}
          </tr>
        </thead>
        <tbody>
          {query.data?.pages
            .flatMap((page) => page.items)
            .map((prompt) => (
              <Line key={prompt.group_id} prompt={prompt} run={run} address={address} />
            ))}
        </tbody>
      </Table>
      {query.hasNextPage && (
        <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          Show more
        </Button>
      )}
    </section>
  );
}

type LineProps = Omit<PromptTableProps, "go"> & { prompt: Prompt };

function Line({ prompt, run, address }: LineProps) {
  const { group_id, question, difficulty, asked, first_step, solved_step, solved } = prompt;
  const href = linkTo(run.id, { ...address, group: group_id, alike: asked > 1 });
  return (
    <tr>
      <td className={table.prose}>
        <Link href={href}>
          <bdi>{question}</bdi>
        </Link>
      </td>
      <td className="number">{solved_step === null ? "never" : `step ${solved_step}`}</td>
      <td className="number">{formatPercent(solved, 0)}</td>
      <td className="number">{difficulty === null ? "–" : formatNumber(difficulty)}</td>
      <td className="number">{formatNumber(asked, 0)}</td>
      <td className="number">step {first_step}</td>
    </tr>
  );
}
