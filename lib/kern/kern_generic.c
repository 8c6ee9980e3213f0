/* The kernels in portable C: the definition of right, and what runs where nothing better does. */
#define KERN_TABLE gru_kern_generic
#define KERN_NAME "generic"
#include "kern/kern_body.h"
