import { Button } from "./Button";

export interface DialogActionsProps {
  /** What the button says: the action itself, «Stop the run». */
  action: string;
  danger?: boolean;
  busy?: boolean;
  disabled?: boolean;
  /** Whether the action has the focus first. */
  first?: boolean;
  onAct: () => void;
  onClose: () => void;
}

/** The buttons at the bottom of a dialog that does one thing. */
export function DialogActions({
  action,
  danger,
  busy,
  disabled,
  first,
  ...on
}: DialogActionsProps) {
  return (
    <>
      <Button onClick={on.onClose}>Cancel</Button>
      <Button
        kind={danger ? "danger" : "primary"}
        busy={busy}
        disabled={disabled}
        onClick={on.onAct}
        data-first={first || undefined}
      >
        {action}
      </Button>
    </>
  );
}
