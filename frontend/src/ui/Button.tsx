import type { ButtonHTMLAttributes, ReactNode, Ref } from "react";
import styles from "./Button.module.css";
import { classes } from "./classes";
import { Tooltip } from "./Tooltip";

type Kind = "primary" | "plain" | "quiet" | "danger";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: Kind;
  small?: boolean;
  icon?: ReactNode;
  /** Shows that the action is under way and takes no second click. */
  busy?: boolean;
  ref?: Ref<HTMLButtonElement>;
}

export function Button(props: ButtonProps) {
  const { kind = "plain", small, icon, busy, children, className, disabled, ...rest } = props;
  return (
    <button
      type="button"
      className={classes(styles.button, styles[kind], small && styles.small, className)}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      {...rest}
    >
      {icon}
      {children}
    </button>
  );
}

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** Said to screen readers and shown on hover. */
  label: string;
  shortcut?: string;
  small?: boolean;
  ref?: Ref<HTMLButtonElement>;
}

/** A button that is only an icon, with its name on hover. */
export function IconButton({ label, shortcut, small, className, ...rest }: IconButtonProps) {
  return (
    <Tooltip text={label} shortcut={shortcut}>
      <button
        type="button"
        aria-label={label}
        className={classes(styles.icon, small && styles.iconSmall, className)}
        {...rest}
      />
    </Tooltip>
  );
}
