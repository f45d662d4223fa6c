import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect, test, vi } from "vitest";
import { TextField } from "./Field";
import { FormDialog } from "./FormDialog";

function Naming({ onAct }: { onAct: () => void }) {
  const [name, setName] = useState("");
  return (
    <FormDialog title="Name it" action="Save" disabled={!name} onAct={onAct} onClose={vi.fn()}>
      <TextField label="Name" value={name} onChange={setName} />
      <TextField label="Tags" value="" onChange={vi.fn()} />
    </FormDialog>
  );
}

test("Enter does what the main button does, once that can be pressed", async () => {
  const act = vi.fn();
  render(<Naming onAct={act} />);
  await userEvent.type(screen.getByLabelText("Name"), "{Enter}");
  expect(act).not.toHaveBeenCalled();
  await userEvent.type(screen.getByLabelText("Name"), "sums{Enter}");
  expect(act).toHaveBeenCalledOnce();
});
