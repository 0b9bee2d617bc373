"""CPU kernels, and what a compiler of plans needs to know of them.

`registry.kernel_table()` lists every kernel with its arguments, what it reads and
writes, how large each buffer is, and how a call may be cut in pieces; it needs no
compiler. `plan` builds, checks and encodes rows; `interpreter.Machine` runs them.

* Arguments are given by name. A buffer argument is a place in a buffer of the
  plan; hyperparameters (`slope`, `factor`, `constants`, ...) are buffers too, of
  numbers that were rounded to the dtype beforehand.
* What a kernel writes or updates overlaps no other buffer of its row.
* Elementwise kernels bear the names of the spec's operations:
  `relu(x, out, size)`, `relu_gradient(x, upstream, out, size)`.
* Optimizers bear the names of the spec's variants: `adam(parameter, gradient,
  first, second, coefficients, control, table_rows, size)`; `coefficients` is a
  table whose columns are the optimizer's `coefficient_names`, one row an update.
* In fast mode a linear layer's weight is stored transposed, `[inputs, outputs]`;
  in strict mode as it is, `[outputs, inputs]`. The kernels' names are the same.
* The control block (`running`) holds what changes from step to step. A usual step:
  `gather_rows_by_order`, `gather_indices_by_order`, the forward rows, a loss with
  its gradient, `record_loss` (which stops the run before the update if the loss is
  not finite), the backward rows, the optimizer, `advance`.
* Large rows are cut (`plan.cut`) and put side by side (`plan.Together`); kernels
  know nothing of threads.
"""
