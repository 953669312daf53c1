/** Values of settings as the language writes them. */
export { printCall, printConstant } from '../../runtime/print-constant.ts';
