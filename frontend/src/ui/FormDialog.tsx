import type { FormEvent, ReactNode } from "react";
import { Dialog } from "./Dialog";
import styles from "./Dialog.module.css";
import { DialogActions, type DialogActionsProps } from "./DialogActions";

interface FormDialogProps extends Omit<DialogActionsProps, "first"> {
  title: string;
  children: ReactNode;
}

/** A dialog that is filled in; Enter in a field does what its main button does. */
export function FormDialog({ title, children, ...actions }: FormDialogProps) {
  const submit = (event: FormEvent) => {
    event.preventDefault();
    actions.onAct();
  };
  return (
    <Dialog title={title} onClose={actions.onClose} actions={<DialogActions {...actions} />}>
      <form className={styles.fields} onSubmit={submit}>
        {children}
        <button type="submit" hidden disabled={actions.disabled} />
      </form>
    </Dialog>
  );
}
