import { X } from "lucide-react";
import { type ReactNode, useEffect, useId, useRef } from "react";
import { IconButton } from "./Button";
import { classes } from "./classes";
import styles from "./Dialog.module.css";
import { DialogActions } from "./DialogActions";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  /** Buttons at the bottom, the main one last. */
  actions?: ReactNode;
  wide?: boolean;
}

/**
 * A modal dialog, open as long as it is mounted; Escape and a click beside it close it. What bears
 * `data-first` has the focus first, else the dialog itself; in the end it goes back to where it was.
 */
export function Dialog({ title, onClose, children, actions, wide }: DialogProps) {
  const heading = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const opener = document.activeElement;
    dialog.current?.showModal();
    const first = dialog.current?.querySelector<HTMLElement>("[data-first]") ?? dialog.current;
    first?.focus();
    return () => {
      if (opener instanceof HTMLElement) opener.focus({ preventScroll: true });
    };
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape is the dialog's own
    <dialog
      ref={dialog}
      aria-labelledby={heading}
      tabIndex={-1}
      className={classes(styles.dialog, wide && styles.wide)}
      onClose={onClose}
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      <div className={styles.body}>
        <header className={styles.header}>
          <h2 id={heading}>{title}</h2>
          <IconButton label="Close" onClick={onClose}>
            <X size={16} />
          </IconButton>
        </header>
        {children}
        {actions && <footer className={styles.actions}>{actions}</footer>}
      </div>
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  children: ReactNode;
  /** What the button says: the action itself, «Stop the run». */
  action: string;
  danger?: boolean;
  busy?: boolean;
  onConfirm: () => void;
  onClose: () => void;
}

/** Asks before something that cannot be taken back. */
export function Confirm({ title, children, action, danger, busy, ...on }: ConfirmProps) {
  return (
    <Dialog
      title={title}
      onClose={on.onClose}
      actions={
        <DialogActions
          action={action}
          danger={danger}
          busy={busy}
          first
          onAct={on.onConfirm}
          onClose={on.onClose}
        />
      }
    >
      {children}
    </Dialog>
  );
}
