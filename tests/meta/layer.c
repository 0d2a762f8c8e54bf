/* SPDX-License-Identifier: MIT */
/* tests/meta/layer.c - that this links is the test */
int
main(void)
{
	return 0;
}
