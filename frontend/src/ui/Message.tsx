import { CircleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { asProblem } from "@/api/problem";
import { Button } from "./Button";
import styles from "./Message.module.css";

interface EmptyStateProps {
  title: string;
  children?: ReactNode;
  /** One button that does the obvious next thing. */
  action?: ReactNode;
}

/** Nothing here yet: one sentence and what to do. */
export function EmptyState({ title, children, action }: EmptyStateProps) {
  return (
    <div className={styles.message}>
      <h2>{title}</h2>
      {children && <p className={styles.text}>{children}</p>}
      {action}
    </div>
  );
}

interface ErrorStateProps {
  error: unknown;
  onRetry?: () => void;
}

/** What went wrong, where, and a way to try again. */
export function ErrorState({ error, onRetry }: ErrorStateProps) {
  const problem = asProblem(error);
  return (
    <div role="alert" className={styles.message}>
      <h2 className={styles.failed}>
        <CircleAlert size={18} aria-hidden />
        {problem.title}
      </h2>
      <p className={styles.text}>{problem.message}</p>
      <ProblemList error={error} />
      {onRetry && <Button onClick={onRetry}>Try again</Button>}
    </div>
  );
}

/** The fields at fault, each with its sentence. */
export function ProblemList({ error }: { error: unknown }) {
  const { errors } = asProblem(error);
  if (errors.length === 0) return null;
  return (
    <ul className={styles.problems}>
      {errors.map((item) => (
        <li key={`${item.path} ${item.message}`}>
          {item.path && <code>{item.path}</code>} {item.message}
        </li>
      ))}
    </ul>
  );
}
