import type { ReactNode } from "react";
import { Link } from "wouter";
import styles from "./Button.module.css";
import { classes } from "./classes";

interface ButtonLinkProps {
  href: string;
  kind?: "primary" | "plain" | "quiet";
  small?: boolean;
  icon?: ReactNode;
  children: ReactNode;
}

/** A link to a page of the app that looks like a button. */
export function ButtonLink({ href, kind = "plain", small, icon, children }: ButtonLinkProps) {
  return (
    <Link href={href} className={classes(styles.button, styles[kind], small && styles.small)}>
      {icon}
      {children}
    </Link>
  );
}
