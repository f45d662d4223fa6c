import { X } from "lucide-react";
import { createContext, type ReactNode, useCallback, useContext, useState } from "react";
import { Button, IconButton } from "./Button";
import { classes } from "./classes";
import styles from "./toast.module.css";
import { uniqueId } from "./uniqueId";

interface Toast {
  kind?: "info" | "error";
  text: string;
  /** One thing to do about it, such as to undo it; it takes the toast away. */
  action?: { label: string; run: () => void };
}

const SHOWN_MS = 6000;
const WITH_ACTION_MS = 15000;

const ToastContext = createContext<(toast: Toast) => void>(() => undefined);

/** Shows a short message at the bottom; errors stay until they are closed. */
export function useToast(): (toast: Toast) => void {
  return useContext(ToastContext);
}

export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<(Toast & { id: string })[]>([]);
  const close = useCallback((id: string) => {
    setToasts((shown) => shown.filter((toast) => toast.id !== id));
  }, []);
  const show = useCallback(
    (toast: Toast) => {
      const id = uniqueId();
      setToasts((shown) => [...shown.slice(-3), { ...toast, id }]);
      if (toast.kind !== "error") {
        setTimeout(() => close(id), toast.action ? WITH_ACTION_MS : SHOWN_MS);
      }
    },
    [close],
  );
  return (
    <ToastContext value={show}>
      {children}
      <div className={styles.stack} role="status">
        {toasts.map((toast) => (
          <div key={toast.id} className={classes(styles.toast, toast.kind && styles[toast.kind])}>
            <span className={styles.text}>{toast.text}</span>
            {toast.action && <ActionButton toast={toast} close={() => close(toast.id)} />}
            <IconButton small label="Close" onClick={() => close(toast.id)}>
              <X size={14} />
            </IconButton>
          </div>
        ))}
      </div>
    </ToastContext>
  );
}

function ActionButton({ toast, close }: { toast: Toast; close: () => void }) {
  return (
    <Button
      small
      onClick={() => {
        close();
        toast.action?.run();
      }}
    >
      {toast.action?.label}
    </Button>
  );
}
