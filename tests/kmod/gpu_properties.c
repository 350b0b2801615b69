// SPDX-License-Identifier: GPL-2.0-only
/*
 * Firmware's properties of a PCI function, as a suite wants them: it need have
 * none of its own. From load to unload; what is bound sees them.
 *
 *	properties=NAME:VALUE[,NAME:VALUE...]
 *
 * VALUE is a number, two of them ("1+2", an array), or else text. A comma in a
 * name is written as a semicolon.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/property.h>
#include <linux/string.h>

#define MOST 8

static char *address = "";
module_param(address, charp, 0444);
MODULE_PARM_DESC(address, "of the function: DDDD:BB:DD.F");

static char *properties = "";
module_param(properties, charp, 0444);
MODULE_PARM_DESC(properties, "NAME:VALUE,...");

static struct pci_dev *function;
static struct fwnode_handle *node;
static struct property_entry entries[MOST + 1];
static u64 numbers[MOST][2];

static int gpu_properties_parse(char *text)
{
	char *word, *name, *other;
	unsigned int i = 0;

	while ((word = strsep(&text, ","))) {
		if (i == MOST)
			return -E2BIG;
		name = strreplace(strsep(&word, ":"), ';', ',');
		if (!word)
			return -EINVAL;
		other = strchr(word, '+');
		if (other)
			*other++ = '\0';
		if (other && kstrtou64(other, 0, &numbers[i][1]))
			return -EINVAL;
		if (kstrtou64(word, 0, &numbers[i][0]))
			entries[i] = PROPERTY_ENTRY_STRING(name, word);
		else if (other)
			entries[i] = PROPERTY_ENTRY_U64_ARRAY(name, numbers[i]);
		else
			entries[i] = PROPERTY_ENTRY_U64(name, numbers[i][0]);
		i++;
	}
	return 0;
}

static int __init gpu_properties_init(void)
{
	unsigned int domain, number, slot, devfn;
	int ret;

	if (sscanf(address, "%x:%x:%x.%x", &domain, &number, &slot, &devfn) != 4)
		return -EINVAL;

	ret = gpu_properties_parse(properties);
	if (ret)
		return ret;

	function = pci_get_domain_bus_and_slot(domain, number,
					       PCI_DEVFN(slot, devfn));
	if (!function)
		return -ENODEV;

	/* It copies them. */
	node = fwnode_create_software_node(entries, NULL);
	if (IS_ERR(node)) {
		pci_dev_put(function);
		return PTR_ERR(node);
	}
	set_secondary_fwnode(&function->dev, node);
	return 0;
}
module_init(gpu_properties_init);

static void __exit gpu_properties_exit(void)
{
	set_secondary_fwnode(&function->dev, NULL);
	fwnode_remove_software_node(node);
	pci_dev_put(function);
}
module_exit(gpu_properties_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Properties of a PCI function, for tests");
