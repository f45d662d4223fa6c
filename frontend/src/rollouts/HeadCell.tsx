import { ArrowDown, ArrowUp } from "lucide-react";
import { classes } from "@/ui/classes";
import styles from "./HeadCell.module.css";

interface HeadCellProps<Field extends string> {
  title: string;
  /** What the column is sorted by; none where it is not. */
  field: Field | undefined;
  isNumber: boolean;
  /** The order now: a field, "-" before it: largest first. */
  sort: string;
  onSort: (sort: Field | `-${Field}`) => void;
}

/** The head of a column; a press sorts by it, largest first, and the next one the other way. */
export function HeadCell<Field extends string>(props: HeadCellProps<Field>) {
  const { title, field, isNumber, sort, onSort } = props;
  const falls = sort === `-${field}`;
  const order = sort === field ? "ascending" : falls ? "descending" : undefined;
  return (
    <th scope="col" aria-sort={order} className={classes(isNumber && "number")}>
      {field ? (
        <button
          type="button"
          className={styles.sort}
          onClick={() => onSort(falls ? field : `-${field}`)}
        >
          {title}
          {order === "ascending" && <ArrowUp size={12} aria-hidden />}
          {order === "descending" && <ArrowDown size={12} aria-hidden />}
        </button>
      ) : (
        title
      )}
    </th>
  );
}
