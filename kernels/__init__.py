"""One operation a file: the public op and its plain-torch twin `<op>_ref`."""
